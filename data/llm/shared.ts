/** Whoever asks while the same is under way gets that one's end. */
export async function shared<T>(running: Map<string, Promise<T>>, name: string, work: () => Promise<T>): Promise<T> {
  const known = running.get(name);
  if (known) return known;
  const mine = work().finally(() => running.delete(name));
  running.set(name, mine);
  return mine;
}

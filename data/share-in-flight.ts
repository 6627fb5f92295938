interface Store<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
  delete(key: K): boolean;
}

/**
 * Callers that ask for a key while work for it is under way share its outcome. The next caller
 * starts new work.
 */
export function shareInFlight<K, T>(
  running: Store<K, Promise<T>>,
  key: K,
  work: () => Promise<T>,
): Promise<T> {
  const known = running.get(key);
  if (known) return known;
  const mine = work().finally(() => running.delete(key));
  running.set(key, mine);
  return mine;
}

/** Work for a key is done once and its value kept. After a failure the next caller tries again. */
export function keepUnlessFailed<K, T>(
  kept: Store<K, Promise<T>>,
  key: K,
  work: () => Promise<T>,
): Promise<T> {
  const known = kept.get(key);
  if (known) return known;
  const mine = work();
  kept.set(key, mine);
  mine.catch(() => kept.delete(key));
  return mine;
}

interface Store<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
  delete(key: K): boolean;
}

/** Concurrent callers with the same key share one piece of work. A later caller starts new work. */
export function shareConcurrentCalls<K, T>(
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

/** Runs the work for a key once and keeps its value. After a failure the next caller retries. */
export function memoizeUnlessFailed<K, T>(
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

/**
 * Computes a text at most `perSecond` times a second. Further requests get the latest one, so that
 * many of them cost little.
 */
export function cacheText(
  { perSecond }: { readonly perSecond: number },
  compute: () => Promise<string>,
): () => Promise<string> {
  let second = { since: -Infinity, count: 0 };
  let latest: Promise<string> | null = null;
  return () => {
    if (performance.now() - second.since >= 1_000) second = { since: performance.now(), count: 0 };
    if (latest !== null && second.count >= perSecond) return latest;
    second.count += 1;
    const text = compute();
    latest = text;
    text.catch(() => {
      if (latest === text) latest = null;
    });
    return text;
  };
}

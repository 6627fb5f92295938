/**
 * Log the first error of a kind and then one per minute, so that an outage does not fill the log.
 */
export function rateLimitedLog(
  tell: (what: string, error: unknown) => void,
): (what: string, error: unknown) => void {
  const told = new Map<string, number>();
  return (what, error) => {
    const last = told.get(what) ?? -Infinity;
    if (performance.now() - last < 60_000) return;
    told.set(what, performance.now());
    tell(what, error);
  };
}

/**
 * Joins texts in Prometheus' format whose series differ by a label. Each metric has its help and
 * type once, as the format requires.
 */
export function mergeMetrics(texts: readonly string[]): string {
  const metrics = new Map<string, { readonly head: string[]; readonly series: string[] }>();
  for (const text of texts) {
    let current: { readonly head: string[]; readonly series: string[] } | undefined;
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const name = /^# HELP (\S+)/.exec(line)?.[1];
      if (name !== undefined) {
        current = metrics.get(name);
        if (current === undefined) {
          current = { head: [line], series: [] };
          metrics.set(name, current);
        }
      } else if (!line.startsWith('#')) current?.series.push(line);
      else if (current?.head.length === 1) current.head.push(line);
    }
  }
  return [...metrics.values()]
    .map(({ head, series }) => `${[...head, ...series].join('\n')}\n`)
    .join('\n');
}

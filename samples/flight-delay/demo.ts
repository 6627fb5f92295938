/** What `npm start` does with this sample: a champion from the first half of 2013, then rows of July, which neither the model nor its judge has seen. */
export const flightDelayDemo = {
  lifecycle: 'flight-delay',
  until: '2013-07-01T00:00:00Z',
  predict: { from: '2013-07-01T00:00:00Z', until: '2013-08-01T00:00:00Z', rows: 1_000 },
} as const;

/**
 * SQL over the tables `flights` and `weather`, whole: request rows of July as a caller would send them, and their label `late` to compare with.
 * Spread over the month by a hash, so that the same rows come each time.
 */
export function demoRowsSql(assembleSql: string): string {
  const { from, until, rows } = flightDelayDemo.predict;
  return `SELECT * FROM (
${assembleSql}
) AS assembled
WHERE scheduled_at >= TIMESTAMPTZ '${from}' AND scheduled_at < TIMESTAMPTZ '${until}' AND late IS NOT NULL
ORDER BY md5(concat_ws('|', scheduled_at, carrier, tailnum, dest)), scheduled_at, dest
LIMIT ${rows}`;
}

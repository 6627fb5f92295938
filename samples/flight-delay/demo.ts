/** What `npm start` does with this sample, and how it sabotages it. */
import { parse } from 'yaml';

/**
 * A champion from the first half of 2013, a successor that has seen July, and one that learned
 * nonsense; the last two under August's flights, which none has seen.
 */
export const flightDelayDemo = {
  lifecycle: 'flight-delay',
  first: { until: '2013-07-01T00:00:00Z' },
  retrained: { until: '2013-08-01T00:00:00Z' },
  predict: { from: '2013-07-01T00:00:00Z', until: '2013-08-01T00:00:00Z', rows: 1_000 },
  /** A month in a minute and a half. */
  traffic: {
    from: '2013-08-01T00:00:00Z',
    to: '2013-09-01T00:00:00Z',
    speed: 30_000,
    parallel: 32,
  },
} as const;

/**
 * SQL over the tables `flights` and `weather`, whole: request rows of July as a caller would send
 * them, and their label `late` to compare with. Spread over the month by a hash, so that the same
 * rows come each time.
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

interface FlightDelayDocument {
  /** YAML, or what it says. */
  readonly document: string | object;
  readonly files: Readonly<Record<string, string>>;
}

interface FlightDelaySpec {
  readonly data: { readonly assemble: string };
  readonly evaluate: object;
  readonly canary: object;
  readonly tune?: unknown;
}

/**
 * The same lifecycle as somebody could break it: every flight gets the label of another one, no
 * gate looks, and a quarter of the aircraft is asked at once, without a shadow step.
 */
export function sabotaged({ document, files }: FlightDelayDocument): {
  readonly document: object;
  readonly files: FlightDelayDocument['files'];
} {
  const honest = (typeof document === 'string' ? parse(document) : document) as {
    readonly spec: FlightDelaySpec;
  };
  const { tune: _untuned, ...spec } = honest.spec;
  const { assemble } = spec.data;
  return {
    document: {
      ...honest,
      spec: {
        ...spec,
        evaluate: {
          ...spec.evaluate,
          gates: [],
          ungated: 'to see that harm is found under traffic',
        },
        canary: { ...spec.canary, steps: [25] },
      },
    },
    files: { ...files, [assemble]: shuffledLabelsSql(files[assemble] ?? '') },
  };
}

function shuffledLabelsSql(assembleSql: string): string {
  return `WITH honest AS (
${assembleSql.replace(/;\s*$/, '')}
),
labelled AS (
  SELECT *, row_number() OVER (ORDER BY scheduled_at, carrier, tailnum, origin, dest) AS place FROM honest WHERE late IS NOT NULL
),
shuffled AS (
  SELECT late, row_number() OVER (ORDER BY md5(CAST(place AS VARCHAR))) AS place FROM labelled
)
SELECT labelled.* EXCLUDE (place, late), shuffled.late FROM labelled JOIN shuffled USING (place)
`;
}

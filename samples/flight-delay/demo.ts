/** What `npm start` does with this sample, and how it sabotages it. */
import { parse } from 'yaml';

/**
 * A champion from the first half of 2013 that knows little of the time of the day, a successor that
 * has seen July, and one that learned nonsense. The last two are tried on the flights of September,
 * which none of them has seen.
 */
export const flightDelayDemo = {
  lifecycle: 'flight-delay',
  first: { until: '2013-07-01T00:00:00Z' },
  retrained: { until: '2013-08-01T00:00:00Z' },
  predict: { from: '2013-07-01T00:00:00Z', until: '2013-08-01T00:00:00Z', rows: 1_000 },
  /** A month in a minute and a half. */
  traffic: {
    from: '2013-09-01T00:00:00Z',
    to: '2013-10-01T00:00:00Z',
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
  readonly data: { readonly assemble: string; readonly features: string };
  readonly evaluate: { readonly gates: readonly { readonly name: string }[] };
  readonly canary: object;
  readonly tune?: unknown;
}

/** The feature that the first attempt replaces. Callers send the same columns to both models. */
const timeOfDay = 'scheduled_hour + scheduled_minute / 60.0 AS local_time';
const beforeSix =
  'CASE WHEN scheduled_hour * 60 + scheduled_minute < 360 THEN 1 ELSE 0 END AS before_six';

/**
 * The same lifecycle as a team could begin it. Of the time of the day, the model knows only whether a
 * flight leaves before six, and it must only be better than chance.
 */
export function firstAttempt({ document, files }: FlightDelayDocument): {
  readonly document: object;
  readonly files: FlightDelayDocument['files'];
} {
  const whole = parseDocument(document);
  const { features } = whole.spec.data;
  const { gates } = whole.spec.evaluate;
  return {
    document: {
      ...whole,
      spec: {
        ...whole.spec,
        evaluate: {
          ...whole.spec.evaluate,
          gates: gates.map((gate) => (gate.name === 'useful' ? { ...gate, min: 0.5 } : gate)),
        },
      },
    },
    files: { ...files, [features]: (files[features] ?? '').replace(timeOfDay, beforeSix) },
  };
}

/**
 * The same lifecycle as somebody could break it: every flight gets the label of another one, no
 * gate looks, and a quarter of the aircraft is asked at once, without a shadow step.
 */
export function sabotaged({ document, files }: FlightDelayDocument): {
  readonly document: object;
  readonly files: FlightDelayDocument['files'];
} {
  const honest = parseDocument(document);
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

function parseDocument(document: string | object): { readonly spec: FlightDelaySpec } {
  return (typeof document === 'string' ? parse(document) : document) as {
    readonly spec: FlightDelaySpec;
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

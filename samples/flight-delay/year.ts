/** How `npm run demo:year` runs this sample through 2013: one month of flights after the other. */
import { parse } from 'yaml';

/** Months are those of UTC. `broken`, `bad` and `killed` are months that begin with the mishap. */
export const flightDelayYear = {
  lifecycle: 'flight-delay',
  event: 'com.example.flights.landed',
  /** Seconds of event time in a second of wall-clock time. */
  speed: 30_000,
  /** One of so many flights is sent as a request. */
  oneOf: 4,
  quick: { speed: 60_000, oneOf: 10 },
  parallel: 32,
  /** The worker is killed while it trains on the flights up to April. */
  killed: 5,
  /** The delivery of August has no distances, and is repaired in the middle of September. */
  broken: 9,
  /** Somebody applies a lifecycle that shuffles the labels. */
  bad: 11,
} as const;

export interface YearDocument {
  readonly document: string;
  readonly files: Readonly<Record<string, string>>;
}

/**
 * The days of two weeks differ too much to show a lower bound of the AUC or a small margin. This
 * keeps out what is much worse than the champion, and traffic decides.
 */
const shortHoldout = { without: 'useful', wider: 'no-worse', margin: 0.2 } as const;

/**
 * The lifecycle of the sample with the delivered tables as its sources, and with triggers. January
 * alone is short, so the holdout is two weeks, and nothing is tuned. The cool-down is a week of the
 * accelerated time.
 */
export function yearLifecycle(
  { document, files }: YearDocument,
  { folder, speed }: { readonly folder: string; readonly speed: number },
): { readonly document: { readonly spec: object }; readonly files: YearDocument['files'] } {
  const sample = parse(document) as { readonly spec: YearSpec };
  const { tune: _untuned, data, canary, evaluate, ...spec } = sample.spec;
  const delivered = Object.entries(data.sources).map(([name, source]) => [
    name,
    { ...source, uri: `file://${folder}/${name}.parquet` },
  ]);
  const weekSeconds = Math.ceil((7 * 86_400) / speed);
  return {
    document: {
      ...sample,
      spec: {
        ...spec,
        data: {
          ...data,
          sources: Object.fromEntries(delivered) as object,
          split: { by: 'time', tuning: '1d', confirm: '1d', holdout: '14d' },
        },
        evaluate: {
          ...evaluate,
          gates: evaluate.gates
            .filter(({ name }) => name !== shortHoldout.without)
            .map((gate) =>
              gate.name === shortHoldout.wider ? { ...gate, margin: shortHoldout.margin } : gate,
            ),
        },
        canary: {
          ...canary,
          steps: [0, 25],
          quality: { metric: 'logloss', rule: 'nonInferiority', margin: 0.02 },
          // A month in a minute and a half says nothing of the latency in production.
          guardrails: [{ name: 'errors', max: 0.03 }],
          // Pairs decide. A month has too few days to show a margin across days.
          test: { ...canary.test, minDuration: '6d' },
          maxDuration: '24d',
        },
        triggers: { events: [flightDelayYear.event] },
        monitor: {
          every: '5s',
          onAlarm: 'retrain',
          cooldown: `${weekSeconds}s`,
          maxFailures: 5,
          runStrategy: 'queue',
        },
      },
    },
    files,
  };
}

interface YearSpec {
  readonly data: { readonly sources: Readonly<Record<string, object>> };
  readonly evaluate: { readonly gates: readonly { readonly name: string }[] };
  readonly canary: { readonly test: object };
  readonly tune?: unknown;
}

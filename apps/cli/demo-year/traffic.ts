/** One month of flights as callers send them, with the labels when they are known. */
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure } from '../../../domain/failure';
import { appliedSpec } from '../lifecycle/applied';
import type { CliContext } from '../context';
import { knownGateway, openReplayGateway } from '../serving/replay/gateway';
import { replay, type ReplayEnd, type ReplayState } from '../serving/replay/replay';
import { withReplayRows, type ReplayRow } from '../serving/replay/rows';
import type { Month } from './months';

/** A flight with a label, and the score that its request got. */
export interface ServedFlight {
  readonly at: number;
  readonly columns: ReplayRow['columns'];
  readonly late: boolean;
  readonly score: number;
  /** `flight-delay@7` */
  readonly version: string;
}

export interface MonthTraffic {
  readonly lifecycle: string;
  readonly month: Month;
  readonly sampleFolder: string;
  readonly oneOf: number;
  readonly speed: number;
  readonly parallel: number;
  readonly signal: AbortSignal;
  readonly onProgress: (state: ReplayState) => void;
  /** Awaited about once a day of event time, which stands still meanwhile. */
  readonly beforeBatch: () => Promise<void>;
}

export async function sendMonth(
  context: CliContext,
  options: MonthTraffic,
): Promise<{ readonly served: readonly ServedFlight[]; readonly end: ReplayEnd }> {
  const { lifecycle, month, sampleFolder, oneOf, speed, parallel, signal } = options;
  const { samplesDir, stateDir, cwd } = context.settings;
  const spec = await appliedSpec(context.api(), lifecycle);
  if (spec.kind !== 'ModelLifecycle' || spec.data.time === null)
    throw failure('InvalidInput', `${lifecycle} is no model of rows with a time`);
  const { data } = spec;
  const { time } = spec.data;
  // Flights take place whether or not their table is delivered.
  const sources = data.sources.map((source) => ({ ...source, uri: `sample://${source.name}` }));
  const served: ServedFlight[] = [];
  const gateway = await openReplayGateway({
    ...knownGateway(context.settings),
    model: lifecycle,
    timeColumn: time.column,
    entityColumn: data.entity,
    parallel,
    onScore: ({ at, columns, label }, score, version) => {
      if (typeof label === 'boolean') served.push({ at, columns, late: label, score, version });
    },
  });
  try {
    const source = {
      data: { ...data, sources, time },
      assembleSql: readFileSync(join(sampleFolder, 'sql', 'assemble.sql'), 'utf8'),
      window: { from: month.from, until: month.until },
      samplesDir,
      stateDir,
      cwd,
      scratchRoot: tmpdir(),
      signal,
    };
    const end = await withReplayRows(source, ({ batches }) =>
      replay({
        batches: oneOfEach(batches(), oneOf),
        gateway,
        from: Date.parse(month.from),
        speed,
        labelDelayMs: data.label.availableAfterSeconds * 1000,
        parallel,
        signal,
        onProgress: options.onProgress,
        beforeBatch: options.beforeBatch,
      }),
    );
    return { served, end };
  } finally {
    await gateway.close();
  }
}

/** Every n-th row in order of time, so each hour and each airport keeps its share. */
async function* oneOfEach(
  batches: AsyncGenerator<readonly ReplayRow[]>,
  n: number,
): AsyncGenerator<readonly ReplayRow[]> {
  let seen = 0;
  for await (const batch of batches) yield batch.filter(() => seen++ % n === 0);
}

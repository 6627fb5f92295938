import type { DatasetVersionRef, TimeWindow } from '../../../domain/dataset/dataset';
import type { DataSpec, SourceSpec } from '../../../domain/lifecycle/lifecycle';
import { windowEnding } from '../../../domain/dataset/time-window';
import { registryWrites, timedDataWork } from '../../activity-proxies';
import { allOrNone } from '../../run/all-or-none';
import { invalidCall } from '../../run/invalid-call';
import { describeDatasets } from '../../run/search-attributes';
import type { EffectFactory, EndedStage, ModelRun, Run } from '../stage';
import { runStage } from '../stage';

export interface IngestOutput {
  /** Null when the rows have no time; the sources are then read whole. */
  readonly window: TimeWindow | null;
  readonly datasets: SourceDatasets;
}

/** Source name → dataset version. */
export type SourceDatasets = Readonly<Record<string, DatasetVersionRef>>;

/**
 * Makes a dataset version of each source. Never cached, because only reading shows whether a
 * source has changed. Equal content gives the same version, so the later stages can be reused.
 */
export async function ingest(run: ModelRun): Promise<EndedStage<IngestOutput>> {
  const { plan } = run;
  const { data } = plan.spec;
  const { timeoutSeconds } = data;
  const { time } = data;
  const until = time === null ? null : (plan.request.until ?? time.until);
  run.undo.push({
    what: 'dataset aliases',
    run: () => registryWrites.restoreDatasetAliases({ tenant: plan.tenant, runId: plan.runId }),
  });
  const ended = await runStage(
    run,
    { name: 'ingest', inputs: () => ({ sources: data.sources, until }), cached: false },
    async (effect) => {
      const window =
        time === null || until === null
          ? null
          : until === 'latest'
            ? await timedDataWork({
                steps: data.sources.length,
                timeoutSeconds,
              }).findLatestWindow.executeWithOptions({ summary: 'newest event time' }, [
                { ...effect('window'), data },
              ])
            : windowEnding(until, time.window);
      return { output: { window, datasets: await readSources(run, effect, data, window) } };
    },
  );
  describeDatasets(Object.values(ended.output.datasets));
  return ended;
}

/** Ingests sources that have no window and are read whole. */
export async function ingestWholeSources(
  run: Run,
  data: Pick<DataSpec, 'maxBytes' | 'timeoutSeconds'> & { readonly sources: readonly SourceSpec[] },
): Promise<EndedStage<Pick<IngestOutput, 'datasets'>>> {
  const { tenant, runId } = run.plan;
  run.undo.push({
    what: 'dataset aliases',
    run: () => registryWrites.restoreDatasetAliases({ tenant, runId }),
  });
  const ended = await runStage(
    run,
    { name: 'ingest', inputs: () => ({ sources: data.sources }), cached: false },
    async (effect) => ({
      output: { datasets: await readSources(run, effect, data, null) },
    }),
  );
  describeDatasets(Object.values(ended.output.datasets));
  return ended;
}

async function readSources(
  { plan }: Run,
  effect: EffectFactory,
  {
    sources,
    maxBytes,
    timeoutSeconds,
  }: Pick<DataSpec, 'maxBytes' | 'timeoutSeconds'> & { readonly sources: readonly SourceSpec[] },
  window: TimeWindow | null,
): Promise<SourceDatasets> {
  const versions = await allOrNone(
    sources.map(
      (source) => () =>
        timedDataWork({ steps: 1, timeoutSeconds }).ingestSource.executeWithOptions(
          { summary: `${source.name} from ${source.uri}` },
          [
            {
              ...effect('source', source.name),
              lifecycle: plan.lifecycle,
              source,
              window: source.time === null ? null : window,
              limits: { maxBytes, timeoutSeconds },
            },
          ],
        ),
    ),
  );
  return Object.fromEntries(
    sources.map((source, i) => [source.name, versions[i]]),
  ) as SourceDatasets;
}

/** @throws InvalidInput when a function is called without a dataset that its section names. */
export function requireDataset(
  datasets: SourceDatasets,
  called: 'run.index' | 'run.fineTune',
  source: string,
): DatasetVersionRef {
  const found = Object.hasOwn(datasets, source) ? datasets[source] : undefined;
  if (!found)
    throw invalidCall(
      `${called} needs the dataset ${source} of the spec, but its argument does not have it`,
      'pass the result of run.ingest, with your own datasets by the names of the sources',
    );
  return found;
}

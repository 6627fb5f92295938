import type { DatasetVersionRef, TimeWindow } from '../../domain/dataset';
import { windowEnding } from '../../domain/time-window';
import { records, timedDataWork } from '../activity-proxies';
import { allOrNone } from '../all-or-none';
import type { EndedStage, ModelRun } from '../stage';
import { runStage } from '../stage';

export interface Ingested {
  readonly window: TimeWindow;
  /** By source name. */
  readonly datasets: Readonly<Record<string, DatasetVersionRef>>;
}

/** Each source becomes a dataset version. Never cached: only reading tells whether a source has changed; equal content gives the same version, so everything after it is. */
export async function ingest(run: ModelRun): Promise<EndedStage<Ingested>> {
  const { plan } = run;
  const { data } = plan.spec;
  const { timeoutSeconds } = data;
  const until = plan.request.until ?? data.time.until;
  run.undo.push({ what: 'dataset aliases', run: () => records.restoreDatasetAliases({ tenant: plan.tenant, runId: plan.runId }) });
  return runStage(run, { name: 'ingest', inputs: () => ({ sources: data.sources, until }), cached: false }, async (effect) => {
    const window =
      until === 'latest'
        ? await timedDataWork({ steps: data.sources.length, timeoutSeconds }).findLatestWindow.executeWithOptions(
            { summary: 'newest event time' },
            [{ ...effect('window'), data }],
          )
        : windowEnding(until, data.time.window);
    const versions = await allOrNone(
      data.sources.map(
        (source) => () =>
          timedDataWork({ steps: 1, timeoutSeconds }).ingestSource.executeWithOptions({ summary: `${source.name} from ${source.uri}` }, [
            {
              ...effect('source', source.name),
              lifecycle: plan.lifecycle,
              source,
              window: source.time === null ? null : window,
              limits: { maxBytes: data.maxBytes, timeoutSeconds },
            },
          ]),
      ),
    );
    return {
      output: { window, datasets: Object.fromEntries(data.sources.map((source, i) => [source.name, versions[i]])) as Ingested['datasets'] },
    };
  });
}

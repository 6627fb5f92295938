import { failure } from '../../../domain/failure';
import { chosenTrial } from '../../../domain/tuning/objectives';
import type { Page, PageRequest } from '../../../db/page';
import type { Registry } from '../../../db/registry';
import type { RunRecord } from '../../../db/run/repository';
import type { TrialJson } from '../tuning/trial-view';
import { trialToJson } from '../tuning/trial-view';

const study = 'tune';

/** The trials of the run's study, by number. If the stage was reused, those of the original run. */
export async function readTrials(
  registry: Pick<Registry, 'lifecycles' | 'stages' | 'trials'>,
  { tenant, id, lifecycle, revisionDigest }: RunRecord,
  page: PageRequest,
): Promise<Page<TrialJson>> {
  const [applied, stage] = await Promise.all([
    registry.lifecycles.get({ tenant, name: lifecycle, digest: revisionDigest }),
    registry.stages.get({ tenant, runId: id, stage: study }),
  ]);
  const tune = applied?.spec.kind === 'ModelLifecycle' ? applied.spec.tune : null;
  if (!tune)
    throw failure('NotFound', `${id} has no trials: its lifecycle has no spec.tune`, {
      next: `perennial run show ${id}`,
    });
  const of = { tenant, runId: stage?.reusedFrom ?? id, study };
  const [{ items, nextPageToken }, best] = await Promise.all([
    registry.trials.page({ ...of, ...page }),
    tune.objectives
      ? registry.trials.list(of).then((trials) => chosenTrial(trials, tune))
      : registry.trials.best({ ...of, direction: tune.direction }),
  ]);
  const shown = { run: of.runId, metric: tune.metric, best: best?.number ?? null };
  return { items: items.map((trial) => trialToJson(trial, shown)), nextPageToken };
}

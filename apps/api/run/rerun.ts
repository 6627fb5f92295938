import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import { refuseLooserRevision } from '../../../domain/lifecycle/looser-revision';
import type { LifecycleRevision } from '../../../domain/lifecycle/revision';
import type { RerunOf, RerunRequest, RerunStage } from '../../../domain/run/rerun';
import { buildRerun, rerunRequest, rerunStages } from '../../../domain/run/rerun';
import type { RunRequest } from '../../../domain/run/run';
import { isFinal } from '../../../domain/run/run';
import type { TrainerCatalog } from '../../../data/training/catalog';
import type { Registry } from '../../../db/registry';
import type { RunRecord } from '../../../db/run/repository';
import { checkRunRequest } from './request';
import { readOriginal } from './original';

interface RerunDeps {
  readonly registry: Pick<
    Registry,
    'runs' | 'stages' | 'lifecycles' | 'datasets' | 'models' | 'aliases'
  >;
  readonly trainers: TrainerCatalog;
}

interface PlannedRerun {
  readonly revision: LifecycleRevision;
  readonly request: RunRequest;
  readonly rerunOf: RerunOf;
  readonly stages: readonly RerunStage[];
}

/**
 * Checks a rerun and says what it would do. Nothing is written.
 * @throws Conflict when the run is open, or the revision is looser than the policy in force.
 */
export async function planRerun(
  { registry, trainers }: RerunDeps,
  run: RunRecord,
  asked: RerunRequest,
): Promise<PlannedRerun> {
  const { tenant, lifecycle: name } = run;
  const { revision: choice } = asked;
  if (!isFinal(run.status))
    throw failure('Conflict', `${run.id} is still ${run.status}, so it cannot be rerun`, {
      next: `perennial run watch ${run.id}, or perennial run cancel ${run.id}`,
    });
  if (run.request.batch)
    throw failure('InvalidInput', `${run.id} is a batch prediction, which cannot be rerun`, {
      next: `perennial run start ${name} --kind batch-predict --input ${run.request.batch.input}`,
    });
  const original = await readOriginal(registry, run);
  const revision =
    choice === undefined
      ? original.revision
      : await findRevision(registry, { tenant, name, choice });
  const request = rerunRequest(original, asked, revision);
  const next = { revision, request };
  await checkRunRequest({ registry, trainers }, { tenant, lifecycle: revision, request });
  const inForce = await registry.lifecycles.get({ tenant, name });
  if (inForce)
    refuseLooserRevision({
      inForce,
      used: revision,
      by: `a rerun of ${run.id}`,
      next: `perennial run rerun ${run.id} --revision latest`,
    });
  return { ...next, rerunOf: buildRerun(original, next), stages: rerunStages(original, next) };
}

/** Only applied revisions are found, so one that waits for an approver cannot be run. */
async function findRevision(
  { lifecycles }: Pick<Registry, 'lifecycles'>,
  {
    tenant,
    name,
    choice,
  }: { readonly tenant: Tenant; readonly name: string; readonly choice: number | string },
): Promise<LifecycleRevision> {
  const revision = await lifecycles.get({
    tenant,
    name,
    ...(typeof choice === 'number'
      ? { revision: choice }
      : choice === 'latest'
        ? {}
        : { digest: choice as LifecycleRevision['digest'] }),
  });
  if (!revision)
    throw failure('NotFound', `${name} has no revision ${choice}`, {
      next: `perennial lifecycle show ${name}`,
    });
  return revision;
}

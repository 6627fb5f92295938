import type { Registry } from '../../../db/registry';
import type { IssueAt } from '../../../domain/document/document';
import type { Issue } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import type { LifecycleSpec } from '../../../domain/lifecycle/revision';
import { fittingTrials, objectiveDifference, findOwner } from '../../../domain/tuning/warm-start';

export type EarlierTrials = Pick<Registry['trials'], 'findStudy' | 'list'>;

const study = 'tune';

/** Refuses a warm start that the study could not learn from. */
export async function warmStartIssues(
  spec: LifecycleSpec,
  {
    lifecycle,
    tenant,
    trials,
    issueAt,
  }: {
    readonly lifecycle: string;
    readonly tenant: Tenant;
    readonly trials: EarlierTrials;
    readonly issueAt: IssueAt;
  },
): Promise<readonly Issue[]> {
  const tune = spec.kind === 'ModelLifecycle' ? spec.tune : null;
  const from = tune?.warmStart?.from;
  if (!tune || from === undefined) return [];
  const refuseWarmStart = (detail: string, expected: string): readonly Issue[] => [
    issueAt(['spec', 'tune', 'warmStart', 'from'], `spec.tune.warmStart.from ${detail}`, {
      expected,
    }),
  ];
  const aRun = `a run or version of ${lifecycle} with trials; perennial run list lists runs`;
  const found = await trials.findStudy({ tenant, study, ...findOwner(from) });
  if (found === null) return refuseWarmStart(`names ${from}, which does not exist`, aRun);
  if (found.lifecycle !== lifecycle)
    return refuseWarmStart(`names ${from}, which belongs to ${found.lifecycle}`, aRun);
  const earlier = await trials.list({ tenant, runId: found.runId, study });
  if (earlier.length === 0) return refuseWarmStart(`names ${from}, which has no trials`, aRun);
  const difference = found.tune && objectiveDifference(found.tune, tune);
  if (difference !== null)
    return refuseWarmStart(
      `names ${from}, whose study ${difference}`,
      'the same metrics and directions, or no warmStart',
    );
  const { fitting, leftOut } = fittingTrials(earlier, tune);
  if (fitting.length > 0) return [];
  const [first] = leftOut;
  return refuseWarmStart(
    `names ${from}, of whose ${earlier.length} trials none fits: ` +
      `trial ${first?.number ?? 0}: ${first?.reason ?? ''}`,
    'a space that contains the parameters of earlier trials, or no warmStart',
  );
}

/** The requirements of a manual promotion, and who may override them. */
import type { Digest } from '../artifact';
import type { RunId } from '../ids';
import type { PromoteSpec } from '../lifecycle/lifecycle';
import type { ReleasingSpec } from '../lifecycle/revision';
import type { ModelVersionStatus } from '../model/model';
import { isOpenRollout, type RolloutStatus } from '../rollout/rollout';
import type { VerdictKind } from '../verdict';

/** The registry's facts about one version, read in the transaction that moves the champion. */
export interface PromotionFacts {
  readonly model: string;
  readonly version: number;
  readonly status: ModelVersionStatus;
  readonly run: { readonly id: RunId; readonly starter: string };
  /** The revision of the version's evaluation. */
  readonly revision: number;
  readonly policy: PromotionPolicy;
  /** The current champion; null when there is none. */
  readonly champion: { readonly version: number; readonly digest: Digest } | null;
  /** Result of the evaluate stage; null without a decision. */
  readonly evaluation: {
    readonly verdict: VerdictKind;
    readonly comparedWith: Digest | null;
  } | null;
  /** The rollout of the version's run, or an A/B rollout that chose it; null when there was none. */
  readonly canary: {
    readonly status: RolloutStatus;
    readonly champion: number;
    /** The challenger that an A/B rollout chose. */
    readonly winner?: number | null;
    /** Null without a decision. */
    readonly verdict: VerdictKind | null;
  } | null;
  /** Approvals by others than the starter, including the caller if they may approve. */
  readonly approvals: number;
}

export interface PromotionPolicy {
  readonly gates: number;
  /** There are no gates, so only a canary may promote. */
  readonly ungated: boolean;
  readonly canary: boolean;
  readonly approval: PromoteSpec['approval'];
}

export interface UnmetRequirement {
  readonly code:
    | 'status'
    | 'evaluation.missing'
    | 'evaluation.notPassed'
    | 'evaluation.otherChampion'
    | 'canary.missing'
    | 'canary.open'
    | 'canary.notPassed'
    | 'canary.otherChampion'
    | 'approval.missing';
  readonly detail: string;
  /** The next command. */
  readonly next: string;
}

export function buildPromotionPolicy({
  evaluate,
  canary,
  promote,
}: ReleasingSpec): PromotionPolicy {
  return {
    gates: evaluate.gates.length,
    ungated: Boolean(evaluate.ungated),
    canary: canary !== null,
    approval: promote.approval,
  };
}

/** The unmet requirements in the order of a run's stages. Empty: the version may be promoted. */
export function unmetRequirements(facts: PromotionFacts): readonly UnmetRequirement[] {
  return [
    ...unmetStatus(facts),
    ...unmetEvaluation(facts),
    ...unmetCanary(facts),
    ...unmetApproval(facts),
  ];
}

function unmetStatus({ model, version, status, run }: PromotionFacts): readonly UnmetRequirement[] {
  if (status !== 'rejected') return [];
  return [
    {
      code: 'status',
      detail: `${run.id} rejected ${model}@${version}`,
      next: `perennial run show ${run.id}`,
    },
  ];
}

function unmetEvaluation({
  model,
  version,
  run,
  policy,
  champion,
  evaluation,
}: PromotionFacts): readonly UnmetRequirement[] {
  const again = `perennial run rerun ${run.id} --from evaluate`;
  if (evaluation === null) {
    return [
      {
        code: 'evaluation.missing',
        detail: `${model}@${version} was not evaluated: ${run.id} has no decision`,
        next: again,
      },
    ];
  }
  const leftToCanary =
    evaluation.verdict === 'inconclusive' && policy.gates === 0 && policy.ungated && policy.canary;
  if (evaluation.verdict !== 'passed' && !leftToCanary) {
    const detail = `the verdict on ${model}@${version} is ${evaluation.verdict}`;
    return [
      {
        code: 'evaluation.notPassed',
        detail,
        next: `perennial model explain ${model} --of ${version}`,
      },
    ];
  }
  if (evaluation.comparedWith === (champion?.digest ?? null)) return [];
  const was = evaluation.comparedWith === null ? 'no champion' : 'another champion';
  const detail = `${model}@${version} was compared with ${was}, but the champion is now ${nameChampion(model, champion)}`;
  return [{ code: 'evaluation.otherChampion', detail, next: again }];
}

function unmetCanary({
  model,
  version,
  run,
  policy,
  champion,
  canary,
}: PromotionFacts): readonly UnmetRequirement[] {
  if (!policy.canary) return [];
  const again = `perennial run rerun ${run.id} --from canary`;
  const show = `perennial rollout show ${model}`;
  if (canary === null) {
    // The first version has no champion for a canary; its gates suffice.
    if (champion === null && policy.gates > 0) return [];
    return [{ code: 'canary.missing', detail: `${model}@${version} had no canary`, next: again }];
  }
  const { winner = null } = canary;
  if (winner !== null && winner !== version) {
    const detail = `the A/B rollout of ${model}@${version} chose ${model}@${winner}`;
    return [{ code: 'canary.notPassed', detail, next: again }];
  }
  const isShown =
    canary.verdict === 'passed' && (canary.status === 'passed' || canary.status === 'promoted');
  if (!isShown && isOpenRollout(canary.status)) {
    return [
      {
        code: 'canary.open',
        detail: `the canary of ${model}@${version} is still ${canary.status}`,
        next: show,
      },
    ];
  }
  if (!isShown) {
    const passedBefore = canary.verdict === 'passed' ? ', after it passed' : '';
    const detail = `the canary of ${model}@${version} ended as ${endings[canary.status]}${passedBefore}`;
    return [{ code: 'canary.notPassed', detail, next: again }];
  }
  if (canary.champion === champion?.version) return [];
  const detail = `${model}@${version} was compared with ${model}@${canary.champion} in its canary, but the champion is now ${nameChampion(model, champion)}`;
  return [{ code: 'canary.otherChampion', detail, next: again }];
}

const endings: Readonly<Record<RolloutStatus, string>> = {
  running: 'running',
  held: 'held',
  passed: 'passed',
  promoted: 'promoted manually before it passed',
  rolledBack: 'rolled back',
  aborted: 'aborted',
  superseded: 'superseded',
};

function unmetApproval({
  model,
  version,
  run,
  policy: { approval },
  approvals,
}: PromotionFacts): readonly UnmetRequirement[] {
  if (approvals >= approval.required) return [];
  const others = approval.allowStarter ? '' : `, not by ${run.starter}, who started ${run.id}`;
  const needed = approval.required === 1 ? '1 approval is' : `${approval.required} approvals are`;
  const detail = `${needed} required for ${model}@${version} (scope ${approval.role}${others}), ${approvals} given`;
  return [{ code: 'approval.missing', detail, next: `perennial run approve ${run.id}` }];
}

function nameChampion(model: string, champion: PromotionFacts['champion']): string {
  return champion === null ? 'none' : `${model}@${champion.version}`;
}

/** The person who promotes manually. */
export interface Promoter {
  readonly name: string;
  readonly scope: 'viewer' | 'operator' | 'approver' | 'admin';
  /** The person started the run. */
  readonly isStarter: boolean;
}

/** An override as recorded in the history. */
export interface PromotionOverride {
  readonly reason: string;
  readonly unmet: readonly Pick<UnmetRequirement, 'code' | 'detail'>[];
  /** The starter of the run made the override. */
  readonly selfApproved: boolean;
}

/** Whether this person's promotion counts as an approval. */
export function countsAsApproval(
  { scope, isStarter }: Promoter,
  { role, allowStarter }: PromoteSpec['approval'],
): boolean {
  return (!isStarter || allowStarter) && (scope === 'admin' || scope === role);
}

/**
 * Why this person may not override; null when they may. An admin may override for their own run
 * with `selfApprove`.
 */
export function overrideRefusal(
  { name, scope, isStarter }: Promoter,
  { run, selfApprove }: { readonly run: RunId; readonly selfApprove: boolean },
): { readonly detail: string; readonly next: string } | null {
  if (scope !== 'approver' && scope !== 'admin') {
    return {
      detail: `an override needs the scope approver; the key ${name} has ${scope}`,
      next: 'ask an admin for a key with the scope approver',
    };
  }
  if (!isStarter || (selfApprove && scope === 'admin')) return null;
  return {
    detail: `${name} started ${run} and may not override the rules for it`,
    next: 'ask another approver; an admin who works alone adds --self-approve (selfApprove: true), which the audit keeps',
  };
}

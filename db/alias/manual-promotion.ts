/**
 * Checks a promotion by a person against the rules of the version's lifecycle revision, in the
 * transaction that moves the champion.
 */
import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { RunId } from '../../domain/ids';
import type { LifecycleSpec } from '../../domain/lifecycle/revision';
import type { ModelVersionStatus } from '../../domain/model/model';
import {
  countsAsApproval,
  overrideRefusal,
  buildPromotionPolicy,
  unmetRequirements,
  type Promoter,
  type PromotionFacts,
  type PromotionOverride,
} from '../../domain/promotion/promotion';
import type { RolloutStatus } from '../../domain/rollout/rollout';
import type { VerdictKind } from '../../domain/verdict';
import type { Columns } from '../columns';
import type { Transaction } from '../connection';
import { readStarters } from '../run/starters';
import type { ManualPromotion, Promotion } from './records';
import type { AliasState } from '../alias-register';
import type { VersionName } from '../model/state';
import type { modelVersions } from '../model/schema';

export type AuthorizedPromotion = {
  readonly kind: 'allowed';
  /** The decision of the canary; without one, the decision of the evaluation. */
  readonly decisionId: string | null;
  /** Null when all requirements are met. */
  readonly override: PromotionOverride | null;
};

type VersionByHand = VersionName & {
  readonly status: ModelVersionStatus;
  readonly champion: AliasState | null;
};

/**
 * Requires the locks of the model, its open rollout and the version. Forbidden for an override that
 * this person may not make.
 */
export async function authorizeManualPromotion(
  tx: Transaction,
  candidate: VersionByHand,
  { caller, override }: ManualPromotion,
): Promise<AuthorizedPromotion | Extract<Promotion, { kind: 'unmet' }>> {
  const { made, canary, promoter, facts } = await readFacts(tx, candidate, caller);
  const unmet = unmetRequirements(facts);
  const decisionId = canary?.decisionId ?? made.decisionId;
  if (unmet.length === 0) return { kind: 'allowed', decisionId, override: null };
  if (override === null)
    return { kind: 'unmet', unmet, revision: made.revision, runId: made.runId };
  const refusal = overrideRefusal(promoter, { run: made.runId, selfApprove: override.selfApprove });
  if (refusal) throw failure('Forbidden', refusal.detail, { next: refusal.next });
  const named = unmet.map(({ code, detail }) => ({ code, detail }));
  return {
    kind: 'allowed',
    decisionId,
    override: { reason: override.reason, unmet: named, selfApproved: promoter.isStarter },
  };
}

async function readFacts(
  tx: Transaction,
  candidate: VersionByHand,
  caller: ManualPromotion['caller'],
) {
  const { model, version, status, champion } = candidate;
  const made = await readVersionOrigin(tx, candidate);
  const canary = await readCanary(tx, candidate, made.runId);
  if (made.spec.kind === 'DataLifecycle')
    throw failure('Conflict', `${model} is a lifecycle without a model, so it promotes nothing`);
  const policy = buildPromotionPolicy(made.spec);
  const votes = await readVotes(tx, candidate, { runId: made.runId, keyId: caller.id });
  // A run that no key started has only the name of its starter.
  const isStarter =
    votes.starters.length === 0
      ? made.starter === caller.name
      : votes.starters.includes(votes.caller);
  const promoter: Promoter = { name: caller.name, scope: caller.scope, isStarter };
  const counts =
    countsAsApproval(promoter, policy.approval) && !votes.approvedBy.includes(votes.caller);
  const facts: PromotionFacts = {
    model,
    version,
    status,
    run: { id: made.runId, starter: made.starter },
    revision: made.revision,
    policy,
    champion: champion && {
      version: champion.version,
      digest: await readDigest(tx, { ...candidate, version: champion.version }),
    },
    evaluation: made.verdict && { verdict: made.verdict, comparedWith: made.comparedWith },
    canary,
    approvals: votes.approvedBy.length + (counts ? 1 : 0),
  };
  return { made, canary, promoter, facts };
}

interface VersionOrigin {
  readonly runId: RunId;
  readonly starter: string;
  readonly revision: number;
  readonly spec: LifecycleSpec;
  readonly decisionId: string | null;
  readonly verdict: VerdictKind | null;
  readonly comparedWith: Digest | null;
}

/**
 * The run that registered the version, its lifecycle revision, and its evaluation, which may be
 * reused.
 */
async function readVersionOrigin(
  tx: Transaction,
  { tenant, model, version }: VersionName,
): Promise<VersionOrigin> {
  const [row] = await tx<VersionOrigin[]>`
    select v.run_id, r.actor as starter, l.revision, l.spec, e.decision_id, e.verdict, e.compared_with
    from model_versions v
    join runs r on r.tenant_id = v.tenant_id and r.id = v.run_id
    join lifecycle_revisions l on l.tenant_id = r.tenant_id and l.lifecycle = r.lifecycle and l.digest = r.revision_digest
    left join lateral (
      select s.decision_id, d.verdict->>'kind' as verdict, s.output->'output'->>'champion' as compared_with
      from stage_records s join decisions d on d.tenant_id = s.tenant_id and d.id = s.decision_id
      where s.tenant_id = v.tenant_id and s.run_id = v.run_id and s.stage = 'evaluate'
      order by s.generation desc limit 1
    ) e on true
    where v.tenant_id = ${tenant} and v.model = ${model} and v.version = ${version}`;
  if (!row) throw failure('NotFound', `there is no ${model}@${version}`);
  return row;
}

interface Canary {
  readonly status: RolloutStatus;
  readonly champion: number;
  /** Challenger that an A/B rollout chose. */
  readonly winner: number | null;
  /** The decision and its verdict are about the winner. For other challengers they are null. */
  readonly decisionId: string | null;
  readonly verdict: VerdictKind | null;
}

/** The rollout of the version's run, or a newer A/B rollout of another run that chose it. */
async function readCanary(
  tx: Transaction,
  { tenant, model, version }: VersionName,
  runId: RunId,
): Promise<Canary | null> {
  const [row] = await tx<Canary[]>`
    select o.status, o.champion, o.winner, d.id as decision_id, d.verdict->>'kind' as verdict
    from rollouts o left join decisions d on d.tenant_id = o.tenant_id and d.id = o.decision_id and coalesce(o.winner, o.challenger) = ${version}
    where o.tenant_id = ${tenant} and o.model = ${model} and (o.winner = ${version} or (o.run_id = ${runId} and o.challenger = ${version}))
    order by o.id desc limit 1`;
  return row ?? null;
}

interface Votes {
  /** Holders, not keys: a rotated key is not a second person. */
  readonly starters: readonly string[];
  readonly caller: string;
  readonly approvedBy: readonly string[];
}

async function readVotes(
  tx: Transaction,
  { tenant, model, version }: VersionName,
  { runId, keyId }: { readonly runId: RunId; readonly keyId: string },
): Promise<Votes> {
  const [row] = await tx<Omit<Votes, 'starters'>[]>`
    select coalesce((select holder_id from api_keys where tenant_id = ${tenant} and id = ${keyId}), ${keyId}) as caller,
      (select coalesce(json_agg(distinct holder_id), '[]') from approvals
        where tenant_id = ${tenant} and run_id = ${runId} and model = ${model} and version = ${version} and vote = 'approve') as approved_by`;
  if (!row) throw new Error('the query of votes returned no row');
  return { ...row, starters: await readStarters(tx, { tenant, runId }) };
}

async function readDigest(
  tx: Transaction,
  { tenant, model, version }: VersionName,
): Promise<Digest> {
  const [row] = await tx<Columns<typeof modelVersions, 'digest'>[]>`
    select digest from model_versions where tenant_id = ${tenant} and model = ${model} and version = ${version}`;
  if (!row) throw failure('NotFound', `there is no ${model}@${version}`);
  return row.digest;
}

import { setTimeout as pause } from 'node:timers/promises';
import type { DecisionId, IdempotencyKey, RolloutId, RunId, Tenant } from '../../domain/ids';
import type { RolloutPolicy } from '../../domain/rollout/policy';
import type { WatchResult } from '../../domain/rollout/progress';
import type { OpenRolloutStatus, RolloutRollback } from '../../domain/rollout/rollout';
import { isOpenRollout } from '../../domain/rollout/rollout';
import { decideBeforeTraffic, decideRollout } from '../../domain/rollout/judging/decide-rollout';
import type { JudgingEnd, RolloutEvidence } from '../../domain/rollout/judging/evidence';
import { addObservations } from '../../domain/rollout/state';
import type { RolloutVerdict } from '../../domain/rollout/judging/verdict';
import type { DecisionRef, Reason, Verdict, VerdictKind } from '../../domain/verdict';
import { computeDigest } from '../../data/digest';
import type { Registry } from '../../db/registry';
import type { Consumption, RolloutRecord } from '../../db/rollout/records';
import { formatSeconds } from '../../domain/duration';
import { failure } from '../../domain/failure';
import type { ModelVersionRef } from '../../domain/model/model';
import { rollbackBeatMs, withHeartbeat } from '../run/heartbeat';
import { readRolloutEnd } from './rollout';

export interface WatchRolloutDeps {
  readonly registry: Pick<Registry, 'rollouts' | 'decisions' | 'evidence' | 'gateways' | 'models'>;
}

export interface WatchInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly traceId: string;
  readonly rollout: RolloutId;
  readonly model: string;
  /** `name@version`. */
  readonly names: { readonly champion: string; readonly challenger: string };
  readonly policy: RolloutPolicy;
  /** A held or passed rollout is watched only for harm and for its end. */
  readonly mode: OpenRolloutStatus;
  readonly step: number;
  /** Set when no more answers will be judged. */
  readonly noMoreLabels?: JudgingEnd;
  /** Wall-clock time without a request after which the rollout ends undecided. */
  readonly maxIdleSeconds: number;
}

/** Milliseconds; well within the activity's timeout. */
const turnMs = 3_600_000;
/** Labels per look: some 10 ms of folding under the rollout's lock. */
const batch = 2_000;
/** Time for labels to arrive: a replay sends them when due, 500 per call. */
const settleMs = 2_000;
/** Wall-clock milliseconds between looks. */
const paceMs = {
  /** A replay passes hours of event time per second. Also used while the pace is unknown. */
  replay: 250,
  /** Bounds how late harm to live traffic is noticed. Each look rewrites the rollout's row. */
  live: 1_000,
  idle: 2_000,
} as const;
/** More event time than this between two looks means that traffic is replayed. */
const replayedMs = 60_000;
/** Time after which the gateways that have not confirmed are shown by URL. */
const patienceMs = 5_000;
const confirmMs = 20;

const actor = 'perennial';

export function createWatchRolloutActivities({ registry }: WatchRolloutDeps) {
  return {
    /**
     * Folds in labels as they become due, until the workflow must act. Harm is acted on here, at
     * once. A retry continues from the last committed state: counted labels stay counted, harm is
     * found again in the same evidence, and an ended rollout stays ended.
     */
    async watchRollout(input: WatchInput): Promise<WatchResult> {
      return withHeartbeat(async ({ signal, report }) => {
        const until = Date.now() + turnMs;
        let unconfirmedSince: number | null = null;
        let last: Consumption | null = null;
        while (Date.now() < until) {
          signal.throwIfAborted();
          const seen = await look(registry, input);
          const { rollout, isDrained } = seen;
          if (!isOpenRollout(rollout.status))
            return { kind: 'ended', end: await readRolloutEnd(registry, rollout) };
          const { evidence } = rollout.state;
          const verdict = evidence
            ? decideRollout(input.policy, evidence)
            : decideBeforeTraffic(input.policy, rollout.step);
          report({
            step: rollout.step,
            mode: input.mode,
            verdict: verdict?.kind ?? 'noTraffic',
            eventNow: rollout.eventNow,
          });
          if (evidence && verdict && endsAtOnce(verdict))
            return rollBack(registry, input, { rollout, evidence, verdict });
          if (evidence && verdict?.kind === 'stopArm') {
            await stopArm(registry, input, { evidence, ...verdict });
            continue;
          }
          if (!isDrained) continue;
          // Checks the row too: a watch that was cancelled for a command runs on until it notices.
          const mayAct = input.mode === 'running' && rollout.status === 'running';
          if (verdict && mayAct && verdict.kind !== 'continue') {
            // An expired rollout only stops, so it need not wait for the gateways.
            const waiting =
              verdict.kind === 'expired' ? [] : await listUnconfirmed(registry, rollout.epoch);
            if (waiting.length === 0) {
              if (verdict.kind === 'advance')
                return { kind: 'advance', toStep: verdict.toStep, because: joinMessages(verdict) };
              if (evidence) return act(registry, input, { rollout, evidence, verdict });
            }
            unconfirmedSince ??= Date.now();
            if (Date.now() - unconfirmedSince > patienceMs)
              await showUnconfirmed(registry, rollout, waiting);
            await pause(confirmMs * 5, undefined, { signal });
            continue;
          }
          if (
            mayAct &&
            (verdict?.kind ?? 'continue') === 'continue' &&
            seen.idleSeconds > mostIdle(input, rollout)
          )
            return endIdle(registry, input, rollout);
          await pause(chooseDelay(seen, last), undefined, { signal });
          last = seen;
        }
        return { kind: 'still' };
      }, rollbackBeatMs);
    },

    /**
     * Measures the time until every live gateway served only the champion. Waits half a minute,
     * then names the gateways that have not confirmed. Idempotent.
     */
    async confirmRollback(input: {
      readonly tenant: Tenant;
      readonly runId: RunId;
      readonly model: string;
      readonly rollout: RolloutId;
    }): Promise<RolloutRollback | null> {
      return withHeartbeat(async ({ signal }) => {
        const { tenant, rollout: id } = input;
        const rollout = await registry.rollouts.get({ tenant, id });
        if (!rollout || isOpenRollout(rollout.status)) return null;
        if (rollout.rollback?.secondsToFullTraffic != null) return rollout.rollback;
        return confirm(registry, rollout, {
          since: Date.parse(rollout.endedAt ?? rollout.startedAt),
          forMs: 30_000,
          signal,
        });
      }, rollbackBeatMs);
    },
  };
}

/** Also while the rollout is held or waits for its promotion. */
function endsAtOnce(verdict: RolloutVerdict): boolean {
  return verdict.kind === 'harm' || (verdict.kind === 'expired' && verdict.isInvalid === true);
}

function chooseDelay({ consumed, traffic }: Consumption, last: Consumption | null): number {
  const { eventNow } = traffic;
  const before = last?.traffic.eventNow ?? null;
  if (eventNow === null || last === null || before === null) return paceMs.replay;
  if (Date.parse(eventNow) - Date.parse(before) > replayedMs) return paceMs.replay;
  const isActive = consumed > 0 || countRequests(traffic) !== countRequests(last.traffic);
  return isActive ? paceMs.live : paceMs.idle;
}

function countRequests({ total }: Consumption['traffic']): number {
  return total.champion.requests + total.challenger.requests;
}

type JudgedRollout = {
  readonly rollout: RolloutRecord;
  readonly evidence: RolloutEvidence;
  readonly verdict: RolloutVerdict;
};

async function look(
  { rollouts }: WatchRolloutDeps['registry'],
  input: WatchInput,
): Promise<Consumption> {
  const { tenant, rollout: id, policy, names, noMoreLabels } = input;
  return rollouts.consume({
    tenant,
    id,
    limit: batch,
    settleMs,
    fold: (state, seen, { step, extendedSeconds, status, weight }) =>
      addObservations(
        policy,
        state,
        { ...names, step, extendedSeconds, status, weight, noMoreLabels },
        seen,
      ),
  });
}

async function act(
  registry: WatchRolloutDeps['registry'],
  input: WatchInput,
  judged: JudgedRollout,
): Promise<WatchResult> {
  const { verdict } = judged;
  switch (verdict.kind) {
    case 'promote':
      return {
        kind: 'passed',
        decision: await decide(registry, input, { ...judged, kind: 'passed' }),
        ...(verdict.winner !== undefined && {
          winner: await readVersion(registry, input, verdict.winner),
        }),
      };
    case 'expired':
      if (verdict.action === 'hold') return { kind: 'expired', because: whyExpired(verdict) };
      return rollBack(registry, input, judged);
    case 'harm':
      return rollBack(registry, input, judged);
    case 'stopArm':
    case 'advance':
    case 'continue':
      return { kind: 'still' };
  }
}

/**
 * Stores the evidence, then takes the traffic of one challenger. A worker that is lost before finds
 * the same evidence again; after that nothing is left to do.
 */
async function stopArm(
  registry: WatchRolloutDeps['registry'],
  { tenant, rollout: id, policy }: WatchInput,
  {
    evidence,
    arm,
    metric,
  }: { readonly evidence: RolloutEvidence; readonly arm: string; readonly metric: string },
): Promise<void> {
  const digest = computeDigest(evidence);
  await registry.evidence.put({
    tenant,
    kind: 'policy',
    digest: computeDigest(policy),
    body: policy,
  });
  await registry.evidence.put({ tenant, kind: 'evidence', digest, body: evidence });
  const { version } = parseVersionName(arm);
  const cause = `harm of ${arm}: ${metric} (evidence ${digest})`;
  await registry.rollouts.stopArm({ tenant, id, version, actor, cause });
}

/** Harm that ends an A/B rollout rejects each challenger that does it, like harm of one alone. */
async function stopHarmfulArms(
  registry: WatchRolloutDeps['registry'],
  input: WatchInput,
  { evidence, verdict }: JudgedRollout,
): Promise<void> {
  for (const { arm, metric, outcome } of verdict.readings)
    if (arm !== undefined && outcome === 'failed')
      await stopArm(registry, input, { evidence, arm, metric });
}

async function readVersion(
  { models }: WatchRolloutDeps['registry'],
  { tenant }: WatchInput,
  name: string,
): Promise<ModelVersionRef> {
  const { model, version } = parseVersionName(name);
  const found = await models.get({ tenant, model, version });
  if (found === null) throw failure('NotFound', `there is no ${name}`);
  return { model, version, manifest: found.manifest };
}

function parseVersionName(name: string): { readonly model: string; readonly version: number } {
  const at = name.lastIndexOf('@');
  return { model: name.slice(0, at), version: Number(name.slice(at + 1)) };
}

/**
 * Stores evidence and decision, then moves the traffic at once. A lost worker may stop at four
 * places:
 * - before the decision: the retry finds the same evidence,
 * - after it: the retry finds the decision by its key,
 * - after challengers of an A/B rollout are stopped: a stopped winner still ends the rollout,
 * - after the end: the end stays. So does another end of the rollout meanwhile.
 */
async function rollBack(
  registry: WatchRolloutDeps['registry'],
  input: WatchInput,
  judged: JudgedRollout,
): Promise<WatchResult> {
  const foundAt = Date.now();
  const kind = judged.verdict.kind === 'harm' ? 'failed' : 'inconclusive';
  const { id: decisionId, verdict } = await decide(registry, input, { ...judged, kind });
  if (kind === 'failed') await stopHarmfulArms(registry, input, judged);
  const { tenant, rollout: id } = input;
  const cause = kind === 'failed' ? `harm: ${harmIn(judged.verdict)}` : whyExpired(judged.verdict);
  const { rollout, changed } = await registry.rollouts.end({
    tenant,
    id,
    status: 'rolledBack',
    verdict,
    decisionId: decisionId as DecisionId,
    actor,
    cause,
  });
  const ended = await readRolloutEnd(registry, rollout);
  if (!changed) return { kind: 'ended', end: ended };
  const rollback = await confirm(registry, rollout, { since: foundAt, forMs: patienceMs });
  return { kind: 'ended', end: { ...ended, rollback } };
}

/**
 * Stores policy and evidence before the decision that uses them (DESIGN §10). Idempotent; other
 * evidence gives another decision.
 */
async function decide(
  { evidence: grounds, decisions }: WatchRolloutDeps['registry'],
  { tenant, runId, key, policy }: WatchInput,
  { evidence, verdict, kind }: JudgedRollout & { readonly kind: VerdictKind },
): Promise<DecisionRef> {
  const [policyDigest, evidenceDigest] = [computeDigest(policy), computeDigest(evidence)];
  await grounds.put({ tenant, kind: 'policy', digest: policyDigest, body: policy });
  await grounds.put({ tenant, kind: 'evidence', digest: evidenceDigest, body: evidence });
  return decisions.record({
    tenant,
    runId,
    stage: 'canary',
    policy: policyDigest,
    evidence: evidenceDigest,
    verdict: { kind, reasons: verdict.reasons } satisfies Verdict,
    idempotencyKey: `${key}/${evidenceDigest}`,
  });
}

/**
 * Event time may stand still without requests, so only this limit is in wall-clock time. An
 * extension of the rollout extends it too.
 */
function mostIdle({ maxIdleSeconds }: WatchInput, { extendedSeconds }: RolloutRecord): number {
  return maxIdleSeconds + extendedSeconds;
}

/** Ends an idle rollout without a decision. An end that is already recorded stays. */
async function endIdle(
  registry: WatchRolloutDeps['registry'],
  input: WatchInput,
  rollout: RolloutRecord,
): Promise<WatchResult> {
  const { onInconclusive } = input.policy;
  const idle = formatSeconds(mostIdle(input, rollout));
  const message =
    `no request arrived within ${idle} of wall-clock time (maxIdle); ` +
    `the policy is ${onInconclusive}`;
  if (onInconclusive === 'hold') return { kind: 'expired', because: message };
  const endedAt = Date.now();
  const { tenant, rollout: id } = input;
  const verdict: Verdict = {
    kind: 'inconclusive',
    reasons: [{ gate: 'canary', code: 'canary.idle', message }],
  };
  const { rollout: row, changed } = await registry.rollouts.end({
    tenant,
    id,
    status: 'rolledBack',
    verdict,
    decisionId: null,
    actor,
    cause: message,
  });
  const ended = await readRolloutEnd(registry, row);
  if (!changed) return { kind: 'ended', end: ended };
  return {
    kind: 'ended',
    end: {
      ...ended,
      rollback: await confirm(registry, row, { since: endedAt, forMs: patienceMs }),
    },
  };
}

/** Polls more often than gateways send heartbeats, so the result is the gateways' time. */
async function confirm(
  registry: WatchRolloutDeps['registry'],
  { tenant, id, epoch, champion, challenger }: RolloutRecord,
  {
    since,
    forMs,
    signal,
  }: { readonly since: number; readonly forMs: number; readonly signal?: AbortSignal },
): Promise<RolloutRollback> {
  const until = Date.now() + forMs;
  for (;;) {
    const waiting = await listUnconfirmed(registry, epoch);
    if (waiting.length > 0 && Date.now() < until) {
      await pause(confirmMs, undefined, signal ? { signal } : {});
      continue;
    }
    const secondsToFullTraffic =
      waiting.length === 0 ? Math.max(0, Date.now() - since) / 1000 : null;
    const rollback = { from: challenger, to: champion, secondsToFullTraffic, unconfirmed: waiting };
    await registry.rollouts.confirmRollback({ tenant, id, rollback });
    return rollback;
  }
}

/** URLs of live gateways that do not yet serve by this routing epoch. */
async function listUnconfirmed(
  { gateways }: WatchRolloutDeps['registry'],
  epoch: number,
): Promise<readonly string[]> {
  return (await gateways.live()).filter((gateway) => gateway.epoch < epoch).map(({ url }) => url);
}

async function showUnconfirmed(
  { rollouts }: WatchRolloutDeps['registry'],
  rollout: RolloutRecord,
  waiting: readonly string[],
): Promise<void> {
  const waitingFor =
    `${waiting.join(', ')} to confirm step ${rollout.step + 1} (routing epoch ${rollout.epoch}); ` +
    'a stopped gateway no longer counts when its lease expires';
  if (rollout.waitingFor === waitingFor) return;
  const { tenant, id } = rollout;
  await rollouts.setStatus({
    tenant,
    id,
    status: 'running',
    only: 'running',
    waitingFor,
    actor,
    cause: waitingFor,
  });
}

function harmIn(verdict: RolloutVerdict): string {
  return verdict.kind === 'harm' ? verdict.metric : verdict.kind;
}

/** The last reason of an expired verdict says which limit was reached. */
function whyExpired({ reasons }: RolloutVerdict): string {
  return reasons.at(-1)?.message ?? 'the time limit was reached';
}

function joinMessages({ reasons }: { readonly reasons: readonly Reason[] }): string {
  return reasons.map(({ message }) => message).join('; ');
}

import { setTimeout as pause } from 'node:timers/promises';
import type { DecisionId, IdempotencyKey, RolloutId, RunId, Tenant } from '../../domain/ids';
import type { RolloutPolicy } from '../../domain/rollout/policy';
import type { WatchResult } from '../../domain/rollout/progress';
import type { OpenRolloutStatus, RolloutRollback } from '../../domain/rollout/rollout';
import { isOpenRollout } from '../../domain/rollout/rollout';
import { decideRollout } from '../../domain/rollout/judging/decide-rollout';
import type { NoMoreLabels, RolloutEvidence } from '../../domain/rollout/judging/evidence';
import { growState } from '../../domain/rollout/state';
import type { RolloutVerdict } from '../../domain/rollout/judging/verdict';
import type { DecisionRef, Reason, Verdict, VerdictKind } from '../../domain/decision/verdict';
import { digestOf } from '../../data/digest';
import type { Registry } from '../../db/registry';
import type { Consumption, RolloutRecord } from '../../db/rollout/repository';
import { formatSeconds } from '../../domain/duration';
import { whileBeating } from '../run/heartbeating';
import { endOf } from './rollout';

export interface WatchRolloutDeps {
  readonly registry: Pick<Registry, 'rollouts' | 'decisions' | 'evidence' | 'gateways'>;
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
  /** A held rollout, and one that has passed, is watched for harm and for its end alone. */
  readonly mode: OpenRolloutStatus;
  readonly step: number;
  /** Nothing more will be judged. */
  readonly noMoreLabels?: NoMoreLabels;
  /**
   * Wall-clock time without a request after which the rollout ends undecided; a week where it is
   * not given.
   */
  readonly maxIdleSeconds?: number | undefined;
}

/** Well within the activity's own limit. */
const turnMs = 3_600_000;
/** Labels at a time: some ten milliseconds of folding under the rollout's lock. */
const batch = 2_000;
/** For labels to arrive in: a replay sends them when they are due, five hundred a call. */
const settleMs = 2_000;
/** Between looks, by the wall. */
const paceMs = {
  /** A replayed past goes by at hours a second, and so may what is not known yet. */
  replay: 250,
  /**
   * Harm to live traffic is noticed within it. Each look rewrites the rollout's row, so no oftener.
   */
  live: 1_000,
  idle: 2_000,
} as const;
/** More event time than that from one look to the next is a replay's. */
const replayedMs = 60_000;
/**
 * Often enough for the heartbeat timeout of `rolloutWork`: the worker that decides on a rollback
 * may die, and harm goes on until that is noticed.
 */
const beatMs = 750;
/** A gateway that has not confirmed by then is said by name. */
const patienceMs = 5_000;
const confirmMs = 20;

const actor = 'perennial';

export function createWatchRolloutActivities({ registry }: WatchRolloutDeps) {
  return {
    /**
     * Takes labels into account as they become due, until something is to be done; harm is acted on
     * here, at once. A second attempt goes on where the first one committed: what it had counted
     * stays counted, harm that it had found is found again in the same evidence, and what it had
     * ended has ended.
     */
    async watchRollout(input: WatchInput): Promise<WatchResult> {
      return whileBeating(async ({ signal, report }) => {
        const until = Date.now() + turnMs;
        let unconfirmedSince: number | null = null;
        let last: Consumption | null = null;
        while (Date.now() < until) {
          signal.throwIfAborted();
          const seen = await look(registry, input);
          const { rollout, isDrained } = seen;
          if (!isOpenRollout(rollout.status))
            return { kind: 'ended', end: await endOf(registry, rollout) };
          const { evidence } = rollout.state;
          const verdict = evidence && decideRollout(input.policy, evidence);
          report({
            step: rollout.step,
            mode: input.mode,
            verdict: verdict?.kind ?? 'noTraffic',
            eventNow: rollout.eventNow,
          });
          if (evidence && verdict?.kind === 'harm')
            return rollBack(registry, input, { rollout, evidence, verdict });
          if (!isDrained) continue;
          // The row's status as well: a watch that was cancelled for a command looks until it hears
          // of that.
          const mayAct = input.mode === 'running' && rollout.status === 'running';
          if (evidence && verdict && mayAct && verdict.kind !== 'continue') {
            // Who only stops need not wait until all gateways know what is stopped.
            const waiting =
              verdict.kind === 'expired' ? [] : await unconfirmed(registry, rollout.epoch);
            if (waiting.length === 0) return act(registry, input, { rollout, evidence, verdict });
            unconfirmedSince ??= Date.now();
            if (Date.now() - unconfirmedSince > patienceMs)
              await sayWaiting(registry, rollout, waiting);
            await pause(confirmMs * 5, undefined, { signal });
            continue;
          }
          if (
            mayAct &&
            (verdict?.kind ?? 'continue') === 'continue' &&
            seen.idleSeconds > mostIdle(input, rollout)
          )
            return endIdle(registry, input, rollout);
          await pause(delayOf(seen, last), undefined, { signal });
          last = seen;
        }
        return { kind: 'still' };
      }, beatMs);
    },

    /**
     * How long it took until every live gateway served the champion alone; asks for half a minute,
     * then names those that have not confirmed. Asking again is harmless.
     */
    async confirmRollback(input: {
      readonly tenant: Tenant;
      readonly runId: RunId;
      readonly model: string;
      readonly rollout: RolloutId;
    }): Promise<RolloutRollback | null> {
      return whileBeating(async ({ signal }) => {
        const { tenant, rollout: id } = input;
        const rollout = await registry.rollouts.get({ tenant, id });
        if (!rollout || isOpenRollout(rollout.status)) return null;
        if (rollout.rollback?.secondsToFullTraffic != null) return rollout.rollback;
        return confirm(registry, rollout, {
          since: Date.parse(rollout.endedAt ?? rollout.startedAt),
          forMs: 30_000,
          signal,
        });
      }, beatMs);
    },
  };
}

function delayOf({ consumed, traffic }: Consumption, last: Consumption | null): number {
  const { eventNow } = traffic;
  const before = last?.traffic.eventNow ?? null;
  if (eventNow === null || last === null || before === null) return paceMs.replay;
  if (Date.parse(eventNow) - Date.parse(before) > replayedMs) return paceMs.replay;
  return consumed > 0 || askedIn(traffic) !== askedIn(last.traffic) ? paceMs.live : paceMs.idle;
}

function askedIn({ total }: Consumption['traffic']): number {
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
    fold: (state, seen, { step, extendedSeconds }) =>
      growState(policy, state, { ...names, step, extendedSeconds, noMoreLabels }, seen),
  });
}

async function act(
  registry: WatchRolloutDeps['registry'],
  input: WatchInput,
  judged: JudgedRollout,
): Promise<WatchResult> {
  const { verdict } = judged;
  switch (verdict.kind) {
    case 'advance':
      return { kind: 'advance', toStep: verdict.toStep, because: said(verdict) };
    case 'promote':
      return {
        kind: 'passed',
        decision: await decide(registry, input, { ...judged, kind: 'passed' }),
      };
    case 'expired':
      if (verdict.action === 'hold') return { kind: 'expired', because: whyExpired(verdict) };
      return rollBack(registry, input, judged);
    case 'harm':
      return rollBack(registry, input, judged);
    case 'continue':
      return { kind: 'still' };
  }
}

/**
 * Grounds, decision, then at once the traffic: nobody else is asked. Dying before the decision is
 * stored: the next attempt finds the same evidence; after it: the same decision by its key; after
 * the end: the end stands and is answered. Late, beside another end: that one stands.
 */
async function rollBack(
  registry: WatchRolloutDeps['registry'],
  input: WatchInput,
  judged: JudgedRollout,
): Promise<WatchResult> {
  const foundAt = Date.now();
  const kind = judged.verdict.kind === 'harm' ? 'failed' : 'inconclusive';
  const { id: decisionId, verdict } = await decide(registry, input, { ...judged, kind });
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
  const ended = await endOf(registry, rollout);
  if (!changed) return { kind: 'ended', end: ended };
  const rollback = await confirm(registry, rollout, { since: foundAt, forMs: patienceMs });
  return { kind: 'ended', end: { ...ended, rollback } };
}

/**
 * Policy and evidence first: nothing may act on a decision whose grounds are not kept (DESIGN §10).
 * Each write may be repeated; other evidence is another decision.
 */
async function decide(
  { evidence: grounds, decisions }: WatchRolloutDeps['registry'],
  { tenant, runId, key, policy }: WatchInput,
  { evidence, verdict, kind }: JudgedRollout & { readonly kind: VerdictKind },
): Promise<DecisionRef> {
  const [policyDigest, evidenceDigest] = [digestOf(policy), digestOf(evidence)];
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
 * Event time may stand still where no request comes, so this bound alone is of wall-clock time.
 * People who extend a rollout extend it as well.
 */
function mostIdle(
  { maxIdleSeconds = 7 * 86_400 }: WatchInput,
  { extendedSeconds }: RolloutRecord,
): number {
  return maxIdleSeconds + extendedSeconds;
}

/**
 * Nothing is decided, so there is no decision to store. Again, or beside another end: the first end
 * stands.
 */
async function endIdle(
  registry: WatchRolloutDeps['registry'],
  input: WatchInput,
  rollout: RolloutRecord,
): Promise<WatchResult> {
  const { onInconclusive } = input.policy;
  const message = `no request came for ${formatSeconds(mostIdle(input, rollout))} of wall-clock time (maxIdle); the policy says ${onInconclusive}`;
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
  const ended = await endOf(registry, row);
  if (!changed) return { kind: 'ended', end: ended };
  return {
    kind: 'ended',
    end: {
      ...ended,
      rollback: await confirm(registry, row, { since: endedAt, forMs: patienceMs }),
    },
  };
}

/** Polls faster than any gateway beats, so what is measured is the gateways' time. */
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
    const waiting = await unconfirmed(registry, epoch);
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

/** URLs of the gateways that hold a lease and do not serve by this epoch yet. */
async function unconfirmed(
  { gateways }: WatchRolloutDeps['registry'],
  epoch: number,
): Promise<readonly string[]> {
  return (await gateways.live()).filter((gateway) => gateway.epoch < epoch).map(({ url }) => url);
}

async function sayWaiting(
  { rollouts }: WatchRolloutDeps['registry'],
  rollout: RolloutRecord,
  waiting: readonly string[],
): Promise<void> {
  const waitingFor = `${waiting.join(', ')} to confirm step ${rollout.step + 1} (routing epoch ${rollout.epoch}); its lease ends if it is dead`;
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

/** Whatever is known beside it, the verdict says which of them it was. */
function whyExpired({ reasons }: RolloutVerdict): string {
  return reasons.at(-1)?.message ?? 'time is over';
}

function said({ reasons }: { readonly reasons: readonly Reason[] }): string {
  return reasons.map(({ message }) => message).join('; ');
}

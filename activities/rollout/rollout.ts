import { failure } from '../../domain/failure';
import type { DecisionId, IdempotencyKey, RolloutId, RunId, Tenant } from '../../domain/ids';
import type { DataSpec } from '../../domain/lifecycle/lifecycle';
import type { CanarySpec } from '../../domain/rollout/canary';
import type { ModelVersionRef } from '../../domain/model/model';
import { versionName } from '../../domain/model/model';
import type { EndedRollout } from '../../domain/rollout/outcome';
import type { RolloutOpeningEvent } from '../../domain/rollout/progress';
import { buildRolloutPolicy } from '../../domain/rollout/policy';
import { estimateDayCorrelation } from '../../domain/statistics/day-history';
import type { OpenRolloutStatus } from '../../domain/rollout/rollout';
import { isOpenRollout } from '../../domain/rollout/rollout';
import { emptyRolloutState } from '../../domain/rollout/state';
import type { DecisionRef, Verdict } from '../../domain/verdict';
import type { Registry } from '../../db/registry';
import { findHoldoutLabels } from './holdout-labels';
import type { RolloutRecord } from '../../db/rollout/records';

export interface RolloutDeps {
  readonly registry: Pick<
    Registry,
    'rollouts' | 'decisions' | 'models' | 'dayHistory' | 'evidence'
  >;
}

interface RolloutRunRef {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly traceId: string;
}

interface By {
  readonly actor: string;
  readonly cause: string;
}

type Changed = { readonly kind: 'set' } | { readonly kind: 'ended'; readonly end: EndedRollout };

/** Fast, idempotent writes to a rollout's row. The first recorded end of a rollout stays. */
export function createRolloutActivities({ registry }: RolloutDeps) {
  const { rollouts } = registry;
  const toEndedRollout = (rollout: RolloutRecord) => readRolloutEnd(registry, rollout);
  return {
    /**
     * Opens the rollout with weight 0; `enterRolloutStep` sets the first weight. A retry, or a
     * restarted execution of the run, finds the run's rollout.
     */
    async openRollout(
      input: RolloutRunRef & {
        readonly key: IdempotencyKey;
        readonly model: string;
        readonly champion: { readonly version: ModelVersionRef; readonly fencing: number };
        readonly challenger: ModelVersionRef;
        readonly canary: CanarySpec;
        readonly label: DataSpec['label'];
      },
    ): Promise<RolloutOpeningEvent> {
      const { tenant, runId, model, champion, challenger, canary, label } = input;
      const opened = await rollouts.open({
        tenant,
        runId,
        model,
        champion: { version: champion.version.version, fencing: champion.fencing },
        challenger: challenger.version,
        spec: await withHoldoutLabels(registry, {
          tenant,
          challenger,
          canary: await withDayCorrelation(registry, { tenant, model, canary }),
        }),
        paired: buildRolloutPolicy(canary, label).quality.comparison === 'pairs',
        availableAfterSeconds: label.availableAfterSeconds,
        state: emptyRolloutState,
        actor: `run:${runId}`,
        cause: `${versionName(challenger)} passed its evaluation`,
      });
      if (opened.kind === 'conflict') return opened;
      if (opened.kind === 'harmShown') {
        const { id, runId: by, endedAt, startedAt, verdict } = opened.rollout;
        return { kind: 'harmShown', rollout: id, runId: by, at: endedAt ?? startedAt, verdict };
      }
      const { id: rollout, status, step, extendedSeconds, spec } = opened.rollout;
      if (opened.kind === 'busy')
        return {
          kind: 'busy',
          runId: opened.rollout.runId,
          challenger: opened.rollout.challenger,
          status,
        };
      return {
        kind: 'opened',
        rollout,
        status,
        step,
        extendedSeconds,
        decision: await readDecision(registry, opened.rollout),
        ...(await readWinner(registry, opened.rollout)),
        test: spec.test,
      };
    },

    async enterRolloutStep(
      input: RolloutRunRef &
        By & { readonly rollout: RolloutId; readonly step: number; readonly weight: number },
    ): Promise<Changed> {
      const { tenant, rollout: id, step, weight, actor, cause } = input;
      const change = await rollouts.setStep({ tenant, id, step, weight, actor, cause });
      return change.kind === 'set'
        ? { kind: 'set' }
        : { kind: 'ended', end: await toEndedRollout(change.rollout) };
    },

    async recordRolloutStatus(
      input: RolloutRunRef &
        By & {
          readonly rollout: RolloutId;
          readonly status: OpenRolloutStatus;
          /** `park` takes all traffic from the challenger. */
          readonly weight: 'keep' | 'park';
          readonly decision: DecisionRef | null;
          /** The challenger that an A/B rollout promotes. */
          readonly winner?: number;
          readonly waitingFor: string | null;
        },
    ): Promise<Changed> {
      const {
        tenant,
        rollout: id,
        status,
        weight,
        decision,
        winner,
        waitingFor,
        actor,
        cause,
      } = input;
      const decided = decision && {
        verdict: decision.verdict,
        decisionId: decision.id as DecisionId,
      };
      const parked = weight === 'park' ? { weight: 0 } : {};
      const change = await rollouts.setStatus({
        tenant,
        id,
        status,
        ...parked,
        ...decided,
        winner,
        waitingFor,
        actor,
        cause,
      });
      return change.kind === 'set'
        ? { kind: 'set' }
        : { kind: 'ended', end: await toEndedRollout(change.rollout) };
    },

    /** Adds event time once per key, however often the command is executed. */
    async extendRollout(
      input: RolloutRunRef & {
        readonly key: IdempotencyKey;
        readonly rollout: RolloutId;
        readonly seconds: number;
        readonly actor: string;
        readonly reason?: string | undefined;
      },
    ): Promise<
      | { readonly kind: 'extended'; readonly extendedSeconds: number }
      | { readonly kind: 'ended'; readonly end: EndedRollout }
    > {
      const { tenant, key, rollout: id, seconds, actor, reason } = input;
      const extended = await rollouts.extend({
        tenant,
        id,
        seconds,
        key,
        actor,
        cause: reason ?? 'extended without a reason',
      });
      return extended.kind === 'extended'
        ? extended
        : { kind: 'ended', end: await toEndedRollout(extended.rollout) };
    },

    /**
     * Moves all traffic to the champion, unless the rollout has ended. Null when the run has no
     * rollout. Also allowed while the run is being undone.
     */
    async endRollout(
      input: RolloutRunRef & By & { readonly model: string },
    ): Promise<EndedRollout | null> {
      const { tenant, runId, actor, cause } = input;
      const rollout = await rollouts.ofRun({ tenant, runId });
      if (!rollout) return null;
      if (!isOpenRollout(rollout.status)) return toEndedRollout(rollout);
      const verdict: Verdict = {
        kind: 'inconclusive',
        reasons: [
          { gate: 'canary', code: 'canary.aborted', message: `aborted by ${actor}: ${cause}` },
        ],
      };
      const end = await rollouts.end({
        tenant,
        id: rollout.id,
        status: 'aborted',
        verdict,
        decisionId: null,
        actor,
        cause,
      });
      return toEndedRollout(end.rollout);
    },
  };
}

/**
 * Fixes the correlation of days for the whole rollout, from the model's holdouts and rollouts. The
 * first opening is stored, so a retry reads it from the rollout.
 */
async function withDayCorrelation(
  { dayHistory }: Pick<Registry, 'dayHistory'>,
  {
    tenant,
    model,
    canary,
  }: { readonly tenant: Tenant; readonly model: string; readonly canary: CanarySpec },
): Promise<CanarySpec> {
  const { metric } = canary.quality;
  // The answers of a language application have no holdout, but earlier rollouts.
  const periods = await dayHistory.list({ tenant, model, metric });
  const daysCorrelate = estimateDayCorrelation(periods, canary.test.dayCorrelation);
  return { ...canary, test: { ...canary.test, daysCorrelate } };
}

/** Fixes what the labels of the rollout are compared with. Answers have no labels of a holdout. */
async function withHoldoutLabels(
  registry: RolloutDeps['registry'],
  {
    tenant,
    challenger: version,
    canary,
  }: {
    readonly tenant: Tenant;
    readonly challenger: ModelVersionRef;
    readonly canary: CanarySpec;
  },
): Promise<CanarySpec> {
  if (canary.quality.answers !== undefined) return canary;
  const holdoutLabels = await findHoldoutLabels(registry, { tenant, version });
  return holdoutLabels === null
    ? canary
    : { ...canary, quality: { ...canary.quality, holdoutLabels } };
}

/** The end of a rollout, as its workflow needs it. */
export async function readRolloutEnd(
  registry: Pick<Registry, 'decisions'>,
  rollout: RolloutRecord,
): Promise<EndedRollout> {
  const { id, status, verdict, rollback } = rollout;
  if (isOpenRollout(status))
    throw failure('Conflict', `rollout ${id} has not ended; its status is ${status}`);
  return { status, verdict, decision: await readDecision(registry, rollout), rollback };
}

async function readDecision(
  { decisions }: Pick<Registry, 'decisions'>,
  { tenant, decisionId }: RolloutRecord,
): Promise<DecisionRef | null> {
  if (decisionId === null) return null;
  const found = await decisions.get({ tenant, id: decisionId });
  if (!found) throw failure('NotFound', `decision ${decisionId} does not exist`);
  const { id, policy, evidence, verdict } = found;
  return { id, policy, evidence, verdict };
}

async function readWinner(
  { models }: Pick<Registry, 'models'>,
  { tenant, model, winner }: RolloutRecord,
): Promise<{ readonly winner?: ModelVersionRef }> {
  if (winner === null) return {};
  const found = await models.get({ tenant, model, version: winner });
  if (!found) throw failure('NotFound', `there is no ${versionName({ model, version: winner })}`);
  return { winner: { model, version: winner, manifest: found.manifest } };
}

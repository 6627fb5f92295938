import type { RolloutId, RunId } from '../ids';
import type { ModelVersionRef } from '../model/model';
import { versionName } from '../model/model';
import type { DecisionRef, Verdict } from '../verdict';
import type { RolloutEnding, RolloutRollback, RolloutStatus } from './rollout';

/** The end of a rollout, as stored in the registry. */
export interface EndedRollout {
  readonly status: RolloutEnding;
  readonly verdict: Verdict | null;
  readonly decision: DecisionRef | null;
  /** Null if it was not measured. */
  readonly rollback: RolloutRollback | null;
}

export interface RolloutOutcome {
  /** `notOpened`: another rollout of the model is open, or the champion has changed. */
  readonly kind: RolloutEnding | 'notOpened';
  readonly rollout: RolloutId | null;
  readonly verdict: Verdict;
  readonly decision: DecisionRef | null;
}

/** The two versions of a rollout. */
export interface RolloutVersions {
  readonly model: string;
  readonly champion: ModelVersionRef;
  readonly challenger: ModelVersionRef;
}

/** Why the registry did not open a rollout. */
export type OpeningRefusal =
  | {
      readonly kind: 'busy';
      readonly runId: RunId;
      readonly challenger: number;
      readonly status: RolloutStatus;
    }
  | { readonly kind: 'conflict'; readonly champion: number | null }
  /** An earlier rollout of the same two manifests under the same policy found harm. */
  | {
      readonly kind: 'harmShown';
      readonly rollout: RolloutId;
      readonly runId: RunId;
      readonly at: string;
      readonly verdict: Verdict | null;
    };

export function notOpened(versions: RolloutVersions, refused: OpeningRefusal): RolloutOutcome {
  return {
    kind: 'notOpened',
    rollout: null,
    verdict: buildRefusal(versions, refused),
    decision: null,
  };
}

function buildRefusal(
  { model, champion, challenger }: RolloutVersions,
  refused: OpeningRefusal,
): Verdict {
  const [name, beside] = [versionName(challenger), versionName(champion)];
  switch (refused.kind) {
    case 'busy':
      return canaryInconclusive(
        'busy',
        `${model}@${refused.challenger} of ${refused.runId} has an open rollout (${refused.status}); rerun after it ends`,
        [`next: perennial rollout show ${model}`],
      );
    case 'conflict': {
      const now = refused.champion === null ? 'none' : `@${refused.champion}`;
      return canaryInconclusive(
        'overtaken',
        `${name} was compared with @${champion.version}, but the champion is now ${now}; perennial run rerun to compare again`,
      );
    }
    case 'harmShown': {
      const { rollout, runId, at, verdict } = refused;
      const found = (verdict?.reasons ?? [])
        .filter(({ outcome }) => outcome === 'failed')
        .map(({ message }) => message);
      const reason = {
        gate: 'canary',
        code: 'canary.harmShown',
        message: `an earlier rollout found harm in ${name} beside ${beside} under this policy`,
        outcome: 'failed',
        details: [
          ...found,
          `found by ${runId} at ${at}; perennial rollout show ${model} --id ${rollout}`,
          'next: try another candidate, or change the policy',
        ],
      } as const;
      return { kind: 'failed', reasons: [reason] };
    }
  }
}

/** `passed`: the decision if the canary passed before the rollout ended. */
export function buildOutcome(
  versions: RolloutVersions,
  {
    rollout,
    passed,
    end,
  }: {
    readonly rollout: RolloutId;
    readonly passed: DecisionRef | null;
    readonly end: EndedRollout;
  },
): RolloutOutcome {
  const { status: kind, verdict, decision } = end;
  return {
    kind,
    rollout,
    verdict: verdict ?? defaultVerdict(versions, kind, passed),
    decision: decision ?? passed,
  };
}

/** The verdict of an end that was stored without one. */
function defaultVerdict(
  { champion, challenger }: RolloutVersions,
  ending: RolloutEnding,
  passed: DecisionRef | null,
): Verdict {
  const [name, beside] = [versionName(challenger), versionName(champion)];
  switch (ending) {
    case 'superseded':
      return canaryInconclusive(
        'superseded',
        `the champion ${beside} was replaced during the rollout of ${name}`,
      );
    case 'aborted':
      return canaryInconclusive('aborted', 'the rollout was aborted');
    case 'rolledBack':
      return canaryInconclusive('rolledBack', 'the rollout was rolled back');
    case 'promoted':
      return (
        passed?.verdict ??
        canaryInconclusive('promoted', `${name} was promoted before its canary had passed`)
      );
  }
}

export function canaryInconclusive(
  code: string,
  message: string,
  details: readonly string[] = [],
): Verdict {
  const reason = { gate: 'canary', code: `canary.${code}`, message };
  return {
    kind: 'inconclusive',
    reasons: [details.length === 0 ? reason : { ...reason, details }],
  };
}

/** A rollout's row in memory, with observations that a test sets. */
import { Context } from '@temporalio/activity';
import type { Activities } from '../../../activities';
import type { WatchInput } from '../../../activities/rollout/watch';
import type { RolloutId } from '../../../domain/ids';
import type {
  OpenRolloutStatus,
  RolloutEnding,
  RolloutRollback,
} from '../../../domain/rollout/rollout';
import type { DecisionRef, Verdict } from '../../../domain/verdict';
import type { EndedRollout } from '../../../domain/rollout/outcome';
import type { WatchResult } from '../../../domain/rollout/progress';
import { artifact, digest, type Overrides } from '../fake-activities';

export interface FakeRollout {
  readonly overrides: Overrides;
  status: 'none' | OpenRolloutStatus | RolloutEnding;
  step: number;
  weight: number;
  waitingFor: string | null;
  extendedSeconds: number;
  verdict: Verdict | null;
  decision: DecisionRef | null;
  /** The changes with their actors, as in the audit log. */
  readonly audit: string[];
  readonly watches: WatchInput[];
  /** A change by another process: a command for the alias, or the registry itself. */
  end(status: RolloutEnding): void;
}

/** The result of the next observation; null: observe again. */
export type Script = (input: WatchInput, rollout: FakeRollout) => WatchResult | null;

export const champion = {
  version: { model: 'flight-delay', version: 1, manifest: artifact('1') },
  fencing: 4,
};
export const shown: Verdict = {
  kind: 'passed',
  reasons: [
    { gate: 'quality', code: 'quality.shown', message: 'logloss better than the champion’s' },
  ],
};
export const canaryDecision: DecisionRef = {
  id: 'decision_canary',
  policy: digest('policy'),
  evidence: digest('evidence'),
  verdict: shown,
};
export const harm: Verdict = {
  kind: 'failed',
  reasons: [{ gate: 'quality', code: 'quality.refuted', message: 'logloss worse by 0.05' }],
};
const rollback: RolloutRollback = { from: 2, to: 1, secondsToFullTraffic: 0.1, unconfirmed: [] };

/** Through all steps, then passed. */
export const upAndPassed: Script = (input) => {
  if (input.mode !== 'running') return null;
  if (input.step < input.policy.steps.length - 1)
    return { kind: 'advance', toStep: input.step + 1, because: 'quality is shown' };
  return { kind: 'passed', decision: canaryDecision };
};

export function fakeRollout(
  script: Script,
  opening?: Awaited<ReturnType<Activities['openRollout']>>,
): FakeRollout {
  const isOpen = () => ['none', 'running', 'held', 'passed'].includes(fake.status);
  const ended = (): EndedRollout => ({
    status: fake.status as RolloutEnding,
    verdict: fake.verdict,
    decision: fake.decision,
    rollback: fake.status === 'rolledBack' ? rollback : null,
  });
  const change = (set: () => void) => {
    if (!isOpen()) return Promise.resolve({ kind: 'ended', end: ended() } as const);
    set();
    return Promise.resolve({ kind: 'set' } as const);
  };
  const overrides: Overrides = {
    readChampion: () => Promise.resolve(champion),
    openRollout: ({ canary: { test } }) => {
      if (opening) return Promise.resolve(opening);
      fake.status = 'running';
      return Promise.resolve({
        kind: 'opened',
        rollout: 'roll_1' as RolloutId,
        status: 'running',
        step: 0,
        extendedSeconds: 0,
        decision: null,
        test,
      });
    },
    enterRolloutStep: ({ step, weight, actor, cause }) =>
      change(() => {
        if (step !== fake.step || weight !== fake.weight)
          fake.audit.push(`${actor}: step ${step} at ${weight}: ${cause}`);
        fake.step = step;
        fake.weight = weight;
      }),
    recordRolloutStatus: ({ status, weight, decision, waitingFor, actor, cause }) =>
      change(() => {
        if (status !== fake.status) fake.audit.push(`${actor}: ${status}: ${cause}`);
        fake.status = status;
        if (weight === 'park') fake.weight = 0;
        fake.decision = decision;
        fake.waitingFor = waitingFor;
      }),
    extendRollout: ({ seconds, actor }) => {
      if (!isOpen()) return Promise.resolve({ kind: 'ended', end: ended() });
      fake.audit.push(`${actor}: extended by ${seconds}`);
      fake.extendedSeconds += seconds;
      return Promise.resolve({ kind: 'extended', extendedSeconds: fake.extendedSeconds });
    },
    endRollout: ({ actor, cause }) => {
      if (fake.status === 'none') return Promise.resolve(null);
      if (isOpen()) {
        fake.audit.push(`${actor}: aborted: ${cause}`);
        fake.verdict = {
          kind: 'inconclusive',
          reasons: [
            { gate: 'canary', code: 'canary.aborted', message: `aborted by ${actor}: ${cause}` },
          ],
        };
        fake.end('aborted');
      }
      return Promise.resolve(ended());
    },
    watchRollout: async (input) => {
      fake.watches.push(input);
      const context = Context.current();
      for (;;) {
        context.heartbeat();
        const seen = isOpen() ? script(input, fake) : ({ kind: 'ended', end: ended() } as const);
        if (seen) return seen;
        await context.sleep(10);
      }
    },
    confirmRollback: () => Promise.resolve(rollback),
    promoteVersion: ({ rollout }) => {
      if (rollout !== null && fake.status !== 'passed')
        return Promise.resolve({ kind: 'rolloutClosed' });
      if (rollout !== null) fake.end('promoted');
      return Promise.resolve({ kind: 'promoted', previous: 1, fencing: 5 });
    },
  };
  const fake: FakeRollout = {
    overrides,
    status: 'none',
    step: -1,
    weight: 0,
    waitingFor: null,
    extendedSeconds: 0,
    verdict: null,
    decision: null,
    audit: [],
    watches: [],
    end(status) {
      fake.status = status;
      fake.weight = 0;
    },
  };
  return fake;
}

export function rolledBackBy(verdict: Verdict): Script {
  return (_input, rollout) => {
    rollout.verdict = verdict;
    rollout.decision = { ...canaryDecision, id: 'decision_harm', verdict };
    rollout.end('rolledBack');
    return null;
  };
}

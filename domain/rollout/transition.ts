/**
 * The state machine of a rollout, from its opening to its promotion or rollback. Pure: the workflow
 * executes the effects in order and passes each result back as the next event.
 */
import type { Command } from '../command';
import { notOpened, buildOutcome, type EndedRollout } from './outcome';
import type {
  RolloutCommand,
  RolloutEffect,
  RolloutEvent,
  RolloutOpeningEvent,
  RolloutProgress,
  RolloutSettings,
  WatchResult,
} from './progress';
import { isWarmUp } from './policy';
import { isOpenRollout } from './rollout';
import { describeWait } from './waiting-for';

export interface Transition {
  readonly progress: RolloutProgress;
  readonly effects: readonly RolloutEffect[];
}

/** The actor of automatic decisions. */
const platform = 'perennial';
/** Enough for all commands that may be repeated after a continue-as-new. */
const maxHandledCommands = 500;

export function transition(
  settings: RolloutSettings,
  progress: RolloutProgress,
  event: RolloutEvent,
): Transition {
  switch (event.kind) {
    case 'started':
      // A new execution has no details and no query result yet, so they are written again.
      return {
        progress: { ...progress, waitingFor: null },
        effects: progress.rollout === null ? [{ kind: 'openRollout' }] : [],
      };
    case 'opened':
      return openProgress(progress, event);
    case 'busy':
    case 'conflict':
    case 'harmShown': {
      const outcome = notOpened(settings, event);
      return { progress: { ...progress, outcome }, effects: [{ kind: 'announceEnd', outcome }] };
    }
    case 'ready':
      return nextStep(settings, progress);
    case 'stepEntered':
      return showStatus(settings, { ...progress, stepEntered: true });
    case 'statusRecorded':
      return {
        progress: { ...progress, waitingFor: event.state.waitingFor, statusBy: null },
        effects: [{ kind: 'tellRun', state: event.state }],
      };
    case 'commandReceived':
      return carryOut(settings, progress, event);
    case 'extended':
      return extendStep(settings, progress, event);
    case 'promotionEnded':
      return {
        progress: { ...progress, promotion: progress.promotion ?? event.promotion },
        effects: [{ kind: 'interruptWatch' }],
      };
    case 'judged':
      return still({ ...progress, judgedSince: event.since, lostPairs: event.lost });
    case 'judgingEnded':
      // The next watch takes it into account.
      return {
        progress: { ...progress, noMoreLabels: event.noMoreLabels },
        effects: [{ kind: 'interruptWatch' }],
      };
    case 'ended':
      return still({ ...progress, status: event.end.status, end: event.end });
    case 'advance':
    case 'passed':
    case 'expired':
    case 'still':
      return applyWatch(settings, progress, event);
    case 'failed':
      return { progress, effects: [{ kind: 'endRollout', actor: platform, cause: event.cause }] };
  }
}

function still(progress: RolloutProgress): Transition {
  return { progress, effects: [] };
}

/** A restarted run finds the rollout that it opened before, in any state. */
function openProgress(
  progress: RolloutProgress,
  found: Extract<RolloutOpeningEvent, { readonly kind: 'opened' }>,
): Transition {
  const { rollout, status, step, extendedSeconds, decision, winner, test } = found;
  const heldBy = status === 'held' ? { actor: platform, reason: 'held before' } : null;
  const state = {
    ...progress,
    rollout,
    status,
    step,
    extendedSeconds,
    decision,
    ...(winner && { winner }),
    test,
    heldBy,
    stepEntered: status !== 'running',
  };
  if (isOpenRollout(status)) return still(state);
  // Ending a rollout that has ended changes nothing and returns its end.
  return {
    progress: state,
    effects: [{ kind: 'endRollout', actor: platform, cause: `it is ${status}` }],
  };
}

/** The next effects while no command is queued. */
function nextStep(settings: RolloutSettings, progress: RolloutProgress): Transition {
  const { end, promotion, rollout } = progress;
  if (end !== null && rollout !== null) return conclude(settings, progress, end);
  if (promotion !== null) {
    // A promotion has already ended the rollout, so this only returns its end.
    const cause = promotion.kind === 'refused' ? promotion.reason : 'its version was promoted';
    return { progress, effects: [{ kind: 'endRollout', actor: platform, cause }] };
  }
  const shown = show(settings, progress);
  if (shown.effects.length > 0 || !isOpen(progress.status)) return shown;
  return { progress: shown.progress, effects: [{ kind: 'watch', mode: progress.status }] };
}

function conclude(
  settings: RolloutSettings,
  progress: RolloutProgress,
  end: EndedRollout,
): Transition {
  const { rollout, decision: passed } = progress;
  if (rollout === null) return still(progress);
  const outcome = buildOutcome(settings, { rollout, passed, end });
  const isTakenBack = end.status === 'rolledBack' || end.status === 'aborted';
  const isUnconfirmed = isTakenBack && end.rollback?.secondsToFullTraffic == null;
  return {
    progress: { ...progress, outcome },
    effects: [
      { kind: 'announceEnd', outcome },
      ...(isUnconfirmed ? [{ kind: 'confirmRollback' } as const] : []),
    ],
  };
}

/** Records the step and the status, first in the registry and then in the run. */
function show(settings: RolloutSettings, progress: RolloutProgress): Transition {
  if (progress.stepEntered) return showStatus(settings, progress);
  const { step, stepBy } = progress;
  const weight = (settings.steps[step] ?? 0) / 100;
  const cause = stepBy.reason ?? 'the next step';
  return { progress, effects: [{ kind: 'enterStep', step, weight, actor: stepBy.actor, cause }] };
}

function showStatus(settings: RolloutSettings, progress: RolloutProgress): Transition {
  const { rollout, status, decision, winner, heldBy, statusBy } = progress;
  const waitingFor = describeWait(settings, progress);
  if (rollout === null || waitingFor === progress.waitingFor || !isOpen(status))
    return still({ ...progress, statusBy: null });
  const { actor, reason = waitingFor } = statusBy ?? heldBy ?? { actor: platform };
  const weight = decision !== null && settings.parkWhenPassed ? 'park' : 'keep';
  const state = { rollout, status, waitingFor, decision, ...(winner && { winner }) };
  return { progress, effects: [{ kind: 'recordStatus', state, weight, actor, cause: reason }] };
}

/** Executes and records a command before the caller gets a response. */
function carryOut(
  settings: RolloutSettings,
  progress: RolloutProgress,
  { command, id }: Extract<RolloutEvent, { readonly kind: 'commandReceived' }>,
): Transition {
  const refusal = findRefusal(settings, progress, command);
  if (refusal !== null) return { progress, effects: [{ kind: 'refuseCommand', why: refusal }] };
  const handledCommands =
    id === null
      ? progress.handledCommands
      : [...progress.handledCommands, id].slice(-maxHandledCommands);
  const done = commandDone(settings, { ...progress, handledCommands }, command);
  return { progress: done.progress, effects: [...done.effects, { kind: 'acceptCommand' }] };
}

function findRefusal(
  { steps, method, requireShadow }: RolloutSettings,
  { decision, step }: RolloutProgress,
  { verb }: RolloutCommand,
): string | null {
  if (verb !== 'skip') return null;
  if (decision !== null) return 'the canary has passed, so no step is left to skip';
  if (method === 'bandit')
    return 'a bandit has no steps to skip; its share moves once per day of event time by the results';
  if (method === 'blueGreen' && steps[step] === 0)
    return isWarmUp({ method, steps, requireShadow }, step)
      ? 'all traffic switches by itself when every gateway has loaded the challenger'
      : 'the shadow of a blue/green rollout cannot be skipped; set requireShadow: false';
  return step >= steps.length - 1
    ? 'the last step cannot be skipped; it ends when quality is shown'
    : null;
}

function commandDone(
  settings: RolloutSettings,
  progress: RolloutProgress,
  command: RolloutCommand,
): Transition {
  const { actor, keyId, reason } = command;
  const by: Command = {
    actor,
    ...(keyId === undefined ? {} : { keyId }),
    ...(reason === undefined ? {} : { reason }),
  };
  switch (command.verb) {
    case 'hold': {
      const held =
        progress.heldBy === null ? { ...progress, heldBy: by, status: 'held' as const } : progress;
      return show(settings, { ...held, statusBy: by });
    }
    case 'resume':
      return show(settings, { ...letGo(progress), noMoreLabels: null, statusBy: by });
    case 'skip': {
      const skipped = `skipped step ${progress.step + 1}${reason === undefined ? '' : `: ${reason}`}`;
      const stepBy = {
        actor,
        reason: `${skipped}; quality must still be shown before a promotion`,
      };
      return show(settings, {
        ...progress,
        step: progress.step + 1,
        stepBy,
        stepEntered: false,
        noMoreLabels: null,
      });
    }
    case 'abort':
      return {
        progress,
        effects: [{ kind: 'endRollout', actor, cause: reason ?? 'aborted by hand' }],
      };
    case 'extend':
      return {
        progress,
        effects: [{ kind: 'extendRollout', seconds: command.seconds, key: command.key, by }],
      };
  }
}

function letGo(progress: RolloutProgress): RolloutProgress {
  return { ...progress, heldBy: null, status: progress.decision === null ? 'running' : 'passed' };
}

function extendStep(
  settings: RolloutSettings,
  progress: RolloutProgress,
  { extendedSeconds, by }: Extract<RolloutEvent, { readonly kind: 'extended' }>,
): Transition {
  // More event time resumes a rollout that the policy held after `maxDuration`.
  const resumed = progress.heldBy?.actor === platform ? letGo(progress) : progress;
  // The budget may have been raised since judging ended. If not, judging ends again at once.
  return show(settings, { ...resumed, extendedSeconds, noMoreLabels: null, statusBy: by });
}

function applyWatch(
  { steps }: RolloutSettings,
  progress: RolloutProgress,
  result: Exclude<WatchResult, { readonly kind: 'ended' }>,
): Transition {
  switch (result.kind) {
    case 'advance': {
      // Shadow and serving have separate budgets for judging.
      const noMoreLabels = (steps[progress.step] ?? 0) === 0 ? null : progress.noMoreLabels;
      const stepBy = { actor: platform, reason: result.because };
      return still({ ...progress, step: result.toStep, stepBy, stepEntered: false, noMoreLabels });
    }
    case 'passed':
      return still({
        ...progress,
        decision: result.decision,
        ...(result.winner && { winner: result.winner }),
        status: 'passed',
      });
    case 'expired':
      return still({
        ...progress,
        heldBy: { actor: platform, reason: result.because },
        status: 'held',
      });
    case 'still':
      return still(progress);
  }
}

function isOpen(status: RolloutProgress['status']) {
  return status !== 'opening' && isOpenRollout(status);
}

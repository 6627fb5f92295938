/** Executes the effects of a rollout. Each is one activity, whose result is the next event. */
import {
  CancellationScope,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  workflowInfo,
} from '@temporalio/workflow';
import { percent } from '../../domain/format';
import type { IdempotencyKey, RolloutId } from '../../domain/ids';
import { effectKey } from '../../domain/ids';
import { versionName } from '../../domain/model/model';
import type { RolloutOutcome } from '../../domain/rollout/outcome';
import { buildRolloutPolicy } from '../../domain/rollout/policy';
import type { OpenRolloutState, RolloutEffect, RolloutEvent } from '../../domain/rollout/progress';
import { registryWrites, rolloutWork } from '../activity-proxies';
import type { RolloutInput } from './input';
import { showDetails } from '../run/current-details';
import { rolloutChangedSignal } from '../run/messages';
import type { RolloutControl } from './control';
import { startJudging } from './answer-judging';
import { describeStatus } from '../run/search-attributes';
import { readMessage } from '../run/undo';

export interface RolloutExecution {
  readonly input: RolloutInput;
  readonly control: RolloutControl;
}

type RolloutEffectOf<Kind extends RolloutEffect['kind']> = Extract<
  RolloutEffect,
  { readonly kind: Kind }
>;

export async function executeEffect(
  execution: RolloutExecution,
  effect: RolloutEffect,
): Promise<RolloutEvent | null> {
  const { input, control } = execution;
  switch (effect.kind) {
    case 'openRollout':
      return openRollout(input);
    case 'enterStep':
      return enterStep(execution, effect);
    case 'recordStatus':
      return recordStatus(input, effect);
    case 'tellRun':
      await tellRun(effect.state);
      return null;
    case 'extendRollout':
      return extendRollout(execution, effect);
    case 'endRollout': {
      const { actor, cause } = effect;
      const end = await registryWrites.endRollout({
        ...inRun(input),
        model: input.model,
        actor,
        cause,
      });
      // Null: the run has no rollout, so there is nothing to end.
      return end && { kind: 'ended', end };
    }
    case 'watch':
      return watch(execution, effect);
    case 'interruptWatch':
      control.interruptWatch();
      return null;
    case 'acceptCommand':
      answer(control, { kind: 'accepted' });
      return null;
    case 'refuseCommand':
      answer(control, { kind: 'refused', why: effect.why });
      return null;
    case 'announceEnd':
      announceEnd(effect.outcome);
      return null;
    case 'confirmRollback':
      await confirmRollback(execution);
      return null;
  }
}

function answer(
  { commands }: RolloutControl,
  given: NonNullable<RolloutControl['commands'][number]['answer']>,
): void {
  const [current] = commands;
  if (current) current.answer = given;
}

function openRollout(input: RolloutInput): Promise<RolloutEvent> {
  const { model, champion, challenger, canary, label } = input;
  const summary = `${versionName(challenger)} beside ${versionName(champion.version)}`;
  return registryWrites.openRollout.executeWithOptions({ summary }, [
    { ...withKey(input, 'open'), model, champion, challenger, canary, label },
  ]);
}

async function enterStep(
  { input, control }: RolloutExecution,
  { step, weight, actor, cause }: RolloutEffectOf<'enterStep'>,
): Promise<RolloutEvent> {
  const summary = `step ${step + 1} of ${input.canary.steps.length}: ${percent(weight)}`;
  const entered = await registryWrites.enterRolloutStep.executeWithOptions({ summary }, [
    { ...inRun(input), rollout: readRolloutId(control), step, weight, actor, cause },
  ]);
  return entered.kind === 'ended' ? entered : { kind: 'stepEntered' };
}

async function recordStatus(
  input: RolloutInput,
  { state, weight, actor, cause }: RolloutEffectOf<'recordStatus'>,
): Promise<RolloutEvent> {
  const { rollout, status, waitingFor, decision, winner } = state;
  const recorded = await registryWrites.recordRolloutStatus({
    ...inRun(input),
    rollout,
    status,
    weight,
    decision,
    ...(winner && { winner: winner.version }),
    actor,
    cause,
    waitingFor: status === 'running' ? null : waitingFor,
  });
  if (recorded.kind === 'ended') return recorded;
  describeStatus(status);
  showDetails(`The rollout is **${status}**. It waits for: ${waitingFor}`);
  return { kind: 'statusRecorded', state };
}

async function tellRun(state: OpenRolloutState): Promise<void> {
  const { parent } = workflowInfo();
  if (!parent) return;
  try {
    await getExternalWorkflowHandle(parent.workflowId).signal(rolloutChangedSignal, state);
  } catch (error) {
    if (isCancellation(error)) throw error;
    // The run has ended, and the cancellation of this rollout will follow.
    log.warn('could not send the status of the rollout to its run', { error: readMessage(error) });
  }
}

async function extendRollout(
  { input, control }: RolloutExecution,
  { seconds, key, by }: RolloutEffectOf<'extendRollout'>,
): Promise<RolloutEvent> {
  const extended = await registryWrites.extendRollout({
    ...withKey(input, 'extend', key),
    rollout: readRolloutId(control),
    seconds,
    ...by,
  });
  return extended.kind === 'ended'
    ? extended
    : { kind: 'extended', extendedSeconds: extended.extendedSeconds, by };
}

/**
 * Watches until the rollout must change or a command arrives. If harm was found, all traffic is
 * with the champion before this returns.
 */
async function watch(
  { input, control }: RolloutExecution,
  { mode }: RolloutEffectOf<'watch'>,
): Promise<RolloutEvent | null> {
  const { model, champion, challenger, canary, label } = input;
  const { step, test, noMoreLabels } = control.progress;
  const rollout = readRolloutId(control);
  const scope = new CancellationScope();
  control.interruptWatch = () => scope.cancel();
  const judged = startJudging(control, input.judging, { ...withKey(input, 'judge'), rollout });
  const summary = `${versionName(challenger)}: ${mode}, step ${step + 1} of ${canary.steps.length}`;
  try {
    return await scope.run(() =>
      rolloutWork.watchRollout.executeWithOptions({ summary }, [
        {
          ...withKey(input, 'decide'),
          rollout,
          model,
          names: { champion: versionName(champion.version), challenger: versionName(challenger) },
          maxIdleSeconds: canary.maxIdleSeconds,
          policy: buildRolloutPolicy(test ? { ...canary, test } : canary, label),
          mode,
          step,
          ...(noMoreLabels && { noMoreLabels }),
        },
      ]),
    );
  } catch (error) {
    if (isCancellation(error) && !CancellationScope.current().consideredCancelled) return null;
    throw error;
  } finally {
    await judged.stop();
    control.interruptWatch = () => undefined;
  }
}

function announceEnd({ kind, verdict }: RolloutOutcome): void {
  if (kind !== 'notOpened') describeStatus(kind);
  const how =
    kind === 'notOpened'
      ? 'The rollout was **not opened**.'
      : `The rollout ended as **${kind}**, verdict **${verdict.kind}**.`;
  showDetails([how, ...verdict.reasons.map(({ message }) => `- ${message}`)].join('\n'));
}

/** An unreachable gateway serves only the champion once its lease has expired. */
async function confirmRollback({ input, control }: RolloutExecution): Promise<void> {
  try {
    await rolloutWork.confirmRollback.executeWithOptions(
      { summary: 'confirm that all traffic is with the champion' },
      [{ ...inRun(input), model: input.model, rollout: readRolloutId(control) }],
    );
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('could not measure the duration of the rollback', { error: readMessage(error) });
  }
}

function readRolloutId({ progress: { rollout } }: RolloutControl): RolloutId {
  if (rollout === null) throw new Error('the rollout is not open yet');
  return rollout;
}

function inRun({ tenant, runId, traceId }: RolloutInput) {
  return { tenant, runId, traceId };
}

function withKey(
  input: RolloutInput,
  step: string,
  item?: string,
): ReturnType<typeof inRun> & { readonly key: IdempotencyKey } {
  return { ...inRun(input), key: effectKey(input.runId, 'canary', step, 1, item) };
}

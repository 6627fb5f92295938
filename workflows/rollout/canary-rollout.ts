/**
 * A rollout from opening to end. `transition` decides what happens, and this workflow executes its
 * effects. It stays open during the approval of the promotion, so that it still accepts commands
 * and notices a change of the champion.
 */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  ContinueAsNew,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { RolloutOutcome } from '../../domain/rollout/outcome';
import type { RolloutEvent } from '../../domain/rollout/progress';
import { transition } from '../../domain/rollout/transition';
import { showDetails } from '../run/current-details';
import { nextCommand, openRolloutControl, type RolloutControl } from './control';
import { executeEffect } from './effects';
import type { RolloutInput } from './input';
import { describeStatus } from '../run/search-attributes';
import { readMessage } from '../run/undo';

export async function canaryRollout(input: RolloutInput): Promise<RolloutOutcome> {
  const control = openRolloutControl(input);
  try {
    const outcome = await runToEnd(input, control);
    await close(control);
    return outcome;
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    // The run was cancelled, or an activity failed for good. The challenger is no longer watched,
    // so it must get no traffic (I5).
    const cause = isCancellation(error) ? 'its run was cancelled' : readMessage(error);
    describeStatus('aborted');
    showDetails(`The rollout was **aborted**: ${cause}`);
    await CancellationScope.nonCancellable(async () => {
      await handle(input, control, { kind: 'failed', cause });
      await close(control);
    });
    throw error;
  }
}

async function runToEnd(input: RolloutInput, control: RolloutControl): Promise<RolloutOutcome> {
  await handle(input, control, { kind: 'started' });
  for (let turns = 0; ;) {
    const { outcome } = control.progress;
    if (outcome !== null) return outcome;
    const command = nextCommand(control);
    if (command !== null) {
      await handle(input, control, command);
      control.commands.shift();
      continue;
    }
    if (turns >= turnsPerExecution || workflowInfo().continueAsNewSuggested)
      await continueWithProgress(input, control);
    turns += 1;
    await handle(input, control, { kind: 'ready' });
  }
}

/** A watch takes at most an hour, so this is about a week and some thousand history events. */
const turnsPerExecution = 200;

/** Applies an event and executes its effects, each with the event that it returns. */
async function handle(
  input: RolloutInput,
  control: RolloutControl,
  event: RolloutEvent,
): Promise<void> {
  const { progress, effects } = transition(control.settings, control.progress, event);
  control.progress = progress;
  for (const effect of effects) {
    const result = await executeEffect({ input, control }, effect);
    if (result !== null) await handle(input, control, result);
  }
}

/** Skipped while a command is in progress or the rollout is ending; the next turn tries again. */
async function continueWithProgress(
  input: RolloutInput,
  { progress }: RolloutControl,
): Promise<void> {
  if (!allHandlersFinished() || progress.promotion !== null || progress.end !== null) return;
  await continueAsNew<typeof canaryRollout>({ ...input, progress });
}

/** Answers the commands that are still waiting before the workflow ends. */
async function close(control: RolloutControl): Promise<void> {
  control.isOver = true;
  await condition(allHandlersFinished);
}

import type { ChildWorkflowHandle } from '@temporalio/workflow';
import { condition, isCancellation, log, ParentClosePolicy, startChild } from '@temporalio/workflow';
import type { canaryRollout, RolloutInput, RolloutOutcome } from './canary-rollout';
import type { PromotionEnd, RolloutStanding } from './messages';
import { canaryRolloutWorkflow, promotionEndedSignal, rolloutWorkflowId } from './messages';
import { versionName } from '../domain/model';
import type { RunControl } from './run-control';
import { changeStatus } from './run-control';
import { childAttributes } from './search-attributes';
import { messageOf } from './undo';

/** A rollout as its run sees it: how it stands, how it ended, and a way to end it. */
export interface TrackedRollout {
  /** As it last said while open; null before it said anything. */
  readonly standing: () => RolloutStanding | null;
  /** Null while it is open, and when it broke. */
  readonly outcome: () => RolloutOutcome | null;
  /** Ended, in whatever way. */
  readonly isOver: () => boolean;
  /** Its end; throws what broke it. */
  readonly end: () => Promise<RolloutOutcome>;
  /** Tells it how the promotion went, and waits until it is over. */
  readonly close: (how: PromotionEnd) => Promise<void>;
}

export async function startRollout(control: RunControl, input: RolloutInput): Promise<TrackedRollout> {
  const child = await startChild<typeof canaryRollout>(canaryRolloutWorkflow, {
    workflowId: rolloutWorkflowId(input),
    // A run that was started again after its execution was lost finds its own rollout in the registry.
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    // The rollout of a run that was terminated ends itself, too.
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    typedSearchAttributes: childAttributes(input),
    staticSummary: `${versionName(input.challenger)} beside ${versionName(input.champion.version)}`,
    args: [input],
  });
  return track(control, child);
}

function track(control: RunControl, child: ChildWorkflowHandle<typeof canaryRollout>): TrackedRollout {
  const result = child.result();
  let outcome: RolloutOutcome | null = null;
  let over = false;
  const settled = result.then(
    (ended) => {
      outcome = ended;
      over = true;
    },
    () => {
      over = true;
    },
  );
  return {
    standing: () => control.rollout,
    outcome: () => outcome,
    isOver: () => over,
    end: () => result,
    close: async (how) => {
      if (!over) await tell(child, how);
      await settled;
    },
  };
}

/** It may end between the question whether it has and the signal. */
async function tell(child: ChildWorkflowHandle<typeof canaryRollout>, how: PromotionEnd): Promise<void> {
  try {
    await child.signal(promotionEndedSignal, how);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.info('the rollout has ended by itself', { error: messageOf(error) });
  }
}

/** Until the rollout stands so, or is over; meanwhile the run says what it waits for (I12). Null when it stands so. */
export async function whenStanding(
  control: RunControl,
  rollout: TrackedRollout,
  isSo: (standing: RolloutStanding) => boolean,
): Promise<RolloutOutcome | null> {
  let seen: RolloutStanding | null = null;
  for (;;) {
    const standing = rollout.standing();
    if (rollout.isOver() || (standing !== null && isSo(standing))) {
      if (seen !== null) await changeStatus(control, 'running', null);
      return rollout.isOver() ? rollout.end() : null;
    }
    if (standing !== null && standing !== seen) await changeStatus(control, 'waiting', standing.waitingFor);
    seen = standing;
    await condition(() => rollout.isOver() || rollout.standing() !== seen);
  }
}

import type { ChildWorkflowHandle } from '@temporalio/workflow';
import {
  condition,
  isCancellation,
  log,
  ParentClosePolicy,
  startChild,
} from '@temporalio/workflow';
import type { RolloutOutcome } from '../../domain/rollout/outcome';
import type { OpenRolloutState, PromotionEnd } from '../../domain/rollout/progress';
import type { canaryRollout } from './canary-rollout';
import type { RolloutInput } from './input';
import { canaryRolloutWorkflow, promotionEndedSignal, rolloutWorkflowId } from '../run/messages';
import { versionName } from '../../domain/model/model';
import type { RunControl } from '../run/control';
import { changeStatus } from '../run/control';
import { childAttributes } from '../run/search-attributes';
import { messageOf } from '../run/undo';

/** A rollout as its run sees it. */
export interface TrackedRollout {
  /** The newest state that it has sent while open; null before the first. */
  readonly state: () => OpenRolloutState | null;
  /** Null while it is open, and when its workflow failed. */
  readonly outcome: () => RolloutOutcome | null;
  /** Ended, in whatever way. */
  readonly isOver: () => boolean;
  /** Its end. @throws what its workflow failed by */
  readonly end: () => Promise<RolloutOutcome>;
  /** Tells it how the promotion went, and waits until it is over. */
  readonly close: (how: PromotionEnd) => Promise<void>;
}

export async function startRollout(
  control: RunControl,
  input: RolloutInput,
): Promise<TrackedRollout> {
  const child = await startChild<typeof canaryRollout>(canaryRolloutWorkflow, {
    workflowId: rolloutWorkflowId(input),
    // A run that was started again after its execution was lost finds its own rollout in the
    // registry.
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    // The rollout of a run that was terminated ends itself, too.
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    typedSearchAttributes: childAttributes(input),
    staticSummary: `${versionName(input.challenger)} beside ${versionName(input.champion.version)}`,
    args: [input],
  });
  return track(control, child);
}

function track(
  control: RunControl,
  child: ChildWorkflowHandle<typeof canaryRollout>,
): TrackedRollout {
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
    state: () => control.rollout,
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
async function tell(
  child: ChildWorkflowHandle<typeof canaryRollout>,
  how: PromotionEnd,
): Promise<void> {
  try {
    await child.signal(promotionEndedSignal, how);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.info('the rollout has ended by itself', { error: messageOf(error) });
  }
}

/**
 * Waits until the open rollout is as wanted, or has ended; meanwhile the run shows what it waits
 * for (I12). Null when it is as wanted.
 */
export async function waitForRollout(
  control: RunControl,
  rollout: TrackedRollout,
  isWanted: (state: OpenRolloutState) => boolean,
): Promise<RolloutOutcome | null> {
  let seen: OpenRolloutState | null = null;
  for (;;) {
    const state = rollout.state();
    if (rollout.isOver() || (state !== null && isWanted(state))) {
      if (seen !== null) await changeStatus(control, 'running', null);
      return rollout.isOver() ? rollout.end() : null;
    }
    if (state !== null && state !== seen) await changeStatus(control, 'waiting', state.waitingFor);
    seen = state;
    await condition(() => rollout.isOver() || rollout.state() !== seen);
  }
}

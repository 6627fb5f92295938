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
import type { builtInQueue } from '../run/built-in-queue';
import { childAttributes } from '../run/search-attributes';
import { readMessage } from '../run/undo';

/** The rollout of a run, from the run's side. */
export interface TrackedRollout {
  /** The latest state that the open rollout has sent; null before the first. */
  readonly state: () => OpenRolloutState | null;
  /** Null while the rollout is open, and when its workflow failed. */
  readonly outcome: () => RolloutOutcome | null;
  /** Whether the workflow has ended, also by a failure. */
  readonly isOver: () => boolean;
  /** Waits for the end. @throws the failure of the workflow */
  readonly end: () => Promise<RolloutOutcome>;
  /** Sends the end of the promotion and waits until the rollout has ended. */
  readonly close: (how: PromotionEnd) => Promise<void>;
}

export async function startRollout(
  control: RunControl,
  input: RolloutInput,
  queue: ReturnType<typeof builtInQueue>,
): Promise<TrackedRollout> {
  const child = await startChild<typeof canaryRollout>(canaryRolloutWorkflow, {
    workflowId: rolloutWorkflowId(input),
    // A restarted run has the same workflow id; it finds its own rollout in the registry.
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    // The rollout of a terminated run is cancelled and ends itself.
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    typedSearchAttributes: childAttributes(input),
    staticSummary: `${versionName(input.challenger)} beside ${versionName(input.champion.version)}`,
    args: [input],
    ...queue,
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
      if (!over) await sendPromotionEnd(child, how);
      await settled;
    },
  };
}

/** The rollout may have ended just before the signal is sent. */
async function sendPromotionEnd(
  child: ChildWorkflowHandle<typeof canaryRollout>,
  how: PromotionEnd,
): Promise<void> {
  try {
    await child.signal(promotionEndedSignal, how);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.info('the rollout had already ended', { error: readMessage(error) });
  }
}

/**
 * Waits until the open rollout meets `isWanted` or has ended. Meanwhile the run shows what the
 * rollout waits for (I12). Null when `isWanted` is met.
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

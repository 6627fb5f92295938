/** Answers are judged beside the watching, which goes on whatever becomes of it: a judge that is away keeps nobody from harm being noticed. */
import { ActivityCancellationType, CancellationScope, isCancellation, log, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities';
import type { JudgeAnswersInput, Judging } from '../activities/judge-answers';
import { taskQueues } from './messages';
import type { RolloutControl } from './rollout-control';
import { messageOf } from './undo';

/**
 * In turns of an hour. A provider that is away is asked again until it is back: what is not judged meanwhile is judged then. A command does not wait for a question
 * under way: its answer is on the ledger, and what is still written is right. Beside the watch on its queue: it mostly idles, and of the slots for questions to models there are two.
 */
const judgingWork = proxyActivities<Activities>({
  taskQueue: taskQueues.orchestrator,
  startToCloseTimeout: '2h',
  heartbeatTimeout: '15s',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** For one watch. When nothing more will be judged, the watch is interrupted, so that the next one knows. */
export function startJudging(
  control: RolloutControl,
  judging: Judging | undefined,
  effect: Pick<JudgeAnswersInput, 'tenant' | 'runId' | 'traceId' | 'key' | 'rollout'>,
): { readonly stop: () => Promise<void> } {
  const { progress } = control;
  // One that has passed is compared no more.
  if (judging === undefined || progress.noMoreLabels !== undefined || progress.decision !== null) return { stop: () => Promise.resolve() };
  const scope = new CancellationScope();
  const summary = `${judging.dimension.name} on both answers`;
  const done = scope
    .run(() =>
      judgingWork.judgeAnswers.executeWithOptions({ summary }, [
        {
          ...{ ...effect, ...judging },
          ...(progress.judgedSince !== undefined && { since: progress.judgedSince }),
          ...(progress.judgedLost !== undefined && { lost: progress.judgedLost }),
        },
      ]),
    )
    .then(
      (said) => {
        if (said.kind !== 'over') {
          progress.judgedSince = said.since;
          progress.judgedLost = said.lost ?? [];
          return;
        }
        progress.noMoreLabels = said.noMoreLabels;
        control.interrupt();
      },
      (error: unknown) => {
        // The next watch begins it anew.
        if (!isCancellation(error)) log.warn('answers are not judged for now', { error: messageOf(error) });
      },
    );
  return {
    stop: () => {
      scope.cancel();
      return done;
    },
  };
}

/**
 * Answers are judged beside the watch, which goes on whatever happens here: harm is noticed also
 * while the judge is away.
 */
import {
  ActivityCancellationType,
  CancellationScope,
  isCancellation,
  log,
  proxyActivities,
} from '@temporalio/workflow';
import type { Activities } from '../../activities';
import type { JudgeAnswersInput, Judging } from '../../activities/language/judge-answers';
import { taskQueues } from '../run/messages';
import { applyNow, type RolloutControl } from './control';
import { messageOf } from '../run/undo';

/**
 * In turns of an hour. A provider that is away is asked again until it is back: answers that were
 * not judged meanwhile are judged then. A command does not wait for a question under way: its
 * answer is on the ledger. It shares the queue of the watch: it mostly idles, and there are two
 * slots for questions to models.
 */
const judgingWork = proxyActivities<Activities>({
  taskQueue: taskQueues.orchestrator,
  startToCloseTimeout: '2h',
  heartbeatTimeout: '15s',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '1m' },
});

/**
 * For one watch. When no more answers will be judged, the watch is interrupted, so that the next
 * one takes it into account.
 */
export function startJudging(
  control: RolloutControl,
  judging: Judging | undefined,
  effect: Pick<JudgeAnswersInput, 'tenant' | 'runId' | 'traceId' | 'key' | 'rollout'>,
): { readonly stop: () => Promise<void> } {
  const { noMoreLabels, decision, judgedSince: since, lostPairs: lost } = control.progress;
  // The versions of a rollout that has passed are not compared any more.
  if (judging === undefined || noMoreLabels !== null || decision !== null)
    return { stop: () => Promise.resolve() };
  const scope = new CancellationScope();
  const summary = `${judging.dimension.name} on both answers`;
  const carried = since === null ? {} : { since, lost };
  const done = scope
    .run(() =>
      judgingWork.judgeAnswers.executeWithOptions({ summary }, [
        { ...effect, ...judging, ...carried },
      ]),
    )
    .then(
      (turn) => {
        if (turn.kind === 'over')
          applyNow(control, { kind: 'judgingEnded', noMoreLabels: turn.noMoreLabels });
        else applyNow(control, { kind: 'judged', since: turn.since, lost: turn.lost ?? [] });
      },
      (error: unknown) => {
        // The next watch starts it again.
        if (!isCancellation(error))
          log.warn('answers are not judged for now', { error: messageOf(error) });
      },
    );
  return {
    stop: () => {
      scope.cancel();
      return done;
    },
  };
}

/**
 * Judges answers in parallel with the watch. A failure here does not stop the watch, so that harm
 * is noticed also while the judge's provider is unavailable.
 */
import {
  ActivityCancellationType,
  CancellationScope,
  isCancellation,
  log,
  proxyActivities,
} from '@temporalio/workflow';
import type { Activities } from '../../activities';
import type { JudgeAnswersInput, JudgingConfig } from '../../activities/language/judge-answers';
import { taskQueues } from '../run/messages';
import { applyNow, type RolloutControl } from './control';
import { readMessage } from '../run/undo';

/**
 * Turns of an hour. An unavailable provider is retried without end; answers from the meantime are
 * judged afterwards. TRY_CANCEL: a command need not wait for a request in flight, whose answer
 * reaches the call ledger. It mostly waits, so it uses the queue of the watch instead of one of the
 * two slots for questions to models.
 */
const judgingWork = proxyActivities<Activities>({
  taskQueue: taskQueues.orchestrator,
  startToCloseTimeout: '2h',
  heartbeatTimeout: '15s',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '1m' },
});

/**
 * Starts judging for one watch. When no more answers will be judged, it interrupts the watch, so
 * that the next watch uses that fact.
 */
export function startJudging(
  control: RolloutControl,
  judging: JudgingConfig | undefined,
  effect: Pick<JudgeAnswersInput, 'tenant' | 'runId' | 'traceId' | 'key' | 'rollout'>,
): { readonly stop: () => Promise<void> } {
  const { noMoreLabels, decision, judgedSince: since, lostPairs: lost } = control.progress;
  // After the rollout has passed, its versions are no longer compared.
  if (judging === undefined || noMoreLabels !== null || decision !== null)
    return { stop: () => Promise.resolve() };
  const scope = new CancellationScope();
  const summary = `judge ${judging.dimension.name} on the answers of both versions`;
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
        // The next watch starts judging again.
        if (!isCancellation(error))
          log.warn('judging of answers stopped; the next watch restarts it', {
            error: readMessage(error),
          });
      },
    );
  return {
    stop: () => {
      scope.cancel();
      return done;
    },
  };
}

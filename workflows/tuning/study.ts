/**
 * The search for better parameters. It runs `parallel` lanes at once. In a lane, trial after trial
 * is suggested by the sampler, executed and recorded, until the number of trials or the budget is
 * reached. One activity of a lane runs many short trials or one long one.
 */
import {
  ActivityFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { FailureType } from '../../domain/failure';
import { effectKey } from '../../domain/ids';
import type { TrialCounts } from '../../domain/tuning/tuning';
import type { LaneEnd } from '../../activities/tuning/lane';
import { computeWork, registryWrites } from '../activity-proxies';
import { allOrNone } from '../run/all-or-none';
import type { StudyInput, StudyOutcome } from './messages';
import { studyQuery } from './messages';
import { runPausedSignal, runResumedSignal } from '../run/messages';
import { showDetails } from '../run/current-details';
import { readMessage, readType } from '../run/undo';

const maxReasonCharacters = 1_000;

interface StudyProgress {
  asked: number;
  running: number[];
  counts: { -readonly [Status in keyof TrialCounts]: number };
  paused: boolean;
  endedEarly: string | null;
}

export async function tuningStudy(input: StudyInput): Promise<StudyOutcome> {
  const progress: StudyProgress = {
    asked: 0,
    running: [],
    counts: { complete: 0, pruned: 0, failed: 0 },
    paused: input.paused,
    endedEarly: null,
  };
  setHandler(runPausedSignal, () => {
    progress.paused = true;
    showStudy(input, progress);
  });
  setHandler(runResumedSignal, () => {
    progress.paused = false;
    showStudy(input, progress);
  });
  setHandler(studyQuery, () => {
    const { asked, running, counts, paused } = progress;
    return { asked, running, counts, paused };
  });

  await runLanes(input, progress);
  if (progress.endedEarly === null && progress.asked < input.tune.trials) {
    await condition(allHandlersFinished);
    return continueAsNew<typeof tuningStudy>({ ...input, paused: progress.paused });
  }
  const { counts, best, seconds, front } = await readStudy(input);
  const { endedEarly } = progress;
  return { counts, best, seconds, endedEarly, ...(front === undefined ? {} : { front }) };
}

async function runLanes(input: StudyInput, progress: StudyProgress): Promise<void> {
  try {
    // The registry has the progress of earlier executions, however they ended.
    const before = await readStudy(input);
    progress.asked = before.asked;
    progress.counts = { ...before.counts };
    showStudy(input, progress);
    const leaveAt = before.asked + (input.trialsPerExecution ?? Infinity);
    const lanes = Array.from({ length: input.tune.parallel }, (_, number) => number);
    await allOrNone(lanes.map((lane) => () => runLane({ input, progress, lane, leaveAt })));
  } catch (error) {
    const reason = isCancellation(error)
      ? 'the run was cancelled'
      : `the study failed: ${readMessage(error)}`.slice(0, maxReasonCharacters);
    showDetails(`The study ended: ${reason}`);
    await CancellationScope.nonCancellable(() =>
      registryWrites.abandonStudy({ ...nameStudy(input), reason }),
    );
    throw error;
  }
}

function showStudy(
  { tune }: StudyInput,
  { running, counts, paused, endedEarly }: StudyProgress,
): void {
  const ended = counts.complete + counts.pruned + counts.failed;
  const numbers = [...running].sort((a, b) => a - b).join(', ');
  const now =
    running.length === 0
      ? 'No trial is running.'
      : `Running: ${running.length === 1 ? 'trial' : 'trials'} ${numbers}.`;
  const done =
    `${ended} of ${tune.trials} trials have ended: ${counts.complete} complete, ` +
    `${counts.pruned} pruned, ${counts.failed} failed.`;
  const early = endedEarly === null ? '' : ` No further trial starts: ${endedEarly}.`;
  const pause = paused ? ' The run is paused, so no further trial starts until it is resumed.' : '';
  showDetails(`${now} ${done}${early}${pause}`);
}

interface LaneRun {
  readonly input: StudyInput;
  readonly progress: StudyProgress;
  readonly lane: number;
  readonly leaveAt: number;
}

/**
 * How often in succession a lane is lost, between trials or to an outage, before that fails the
 * study or the trial. The pauses take about 15 minutes, beside the time of the attempts.
 */
const mostLost = 20;
const outages: readonly string[] = [
  'DatabaseUnavailable',
  'DatabaseBusy',
  'StorageUnavailable',
  'BackendUnavailable',
] satisfies readonly FailureType[];
const maxLostPauseMs = 60_000;
/** The registry knows a pause before its signal arrives here. */
const pauseSignalSeconds = 1;

/** Calls the lane's activity until the study ends or the history is long enough. */
async function runLane(run: LaneRun): Promise<void> {
  const { input, progress, leaveAt } = run;
  // A lane of a lost execution may have a running trial, so each lane is called at least once.
  let mayHaveTrial = true;
  let lost = 0;
  for (;;) {
    await condition(() => !progress.paused);
    const isFull = progress.asked >= Math.min(input.tune.trials, leaveAt);
    const isOver = progress.endedEarly !== null || isFull || workflowInfo().continueAsNewSuggested;
    if (isOver && !mayHaveTrial) return;
    mayHaveTrial = false;
    let end: LaneEnd;
    try {
      end = await laneWork(run);
      lost = 0;
    } catch (error) {
      if (isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
      // A job goes on while a server is unavailable, and the repeated lane finds it.
      const waits = isOutage(error) && lost < mostLost;
      if (!waits && (await endLostTrial(run, error))) continue;
      mayHaveTrial = waits;
      lost += 1;
      if (!(waits || mayRepeat(error)) || lost > mostLost) throw error;
      await sleep(Math.min(500 * 2 ** lost, maxLostPauseMs));
      continue;
    }
    if (eventsIn(end) >= eventsIn(progress)) progress.running = [...end.running];
    progress.asked = Math.max(progress.asked, end.asked);
    progress.counts = laterCounts(progress.counts, end.counts);
    if (end.kind === 'over') progress.endedEarly ??= end.reason;
    showStudy(input, progress);
    if (end.kind === 'paused')
      await condition(() => progress.paused, `${pauseSignalSeconds} seconds`);
    if (end.kind === 'started' || end.kind === 'over') return;
  }
}

function laneWork({ input, lane, leaveAt }: LaneRun): Promise<LaneEnd> {
  const { tenant, runId, traceId, lifecycle, study, tune, pruning, train, assembled } = input;
  const { earlier } = input;
  const until = Math.min(tune.trials, leaveAt);
  return computeWork(train.compute).runLane.executeWithOptions(
    { summary: `lane ${lane} of ${tune.parallel}` },
    [
      {
        ...{ tenant, runId, traceId, lifecycle, study, tune, pruning, train, assembled },
        ...{ key: formatEffectKey(input, 'lane', lane), lane, until, earlier },
      },
    ],
  );
}

/** Ends the trial whose job failed for good. False when the lane has no running trial. */
async function endLostTrial({ input, progress, lane }: LaneRun, error: unknown): Promise<boolean> {
  const { running } = await readStudy(input);
  const trial = running.find((each) => (each.lane ?? 0) === lane);
  if (!trial) return false;
  const reason = readMessage(error).slice(0, maxReasonCharacters);
  const end = { status: 'failed', value: null, reason } as const;
  const { number } = trial;
  await registryWrites.endTrial({ ...nameStudy(input), number, end, tune: input.tune });
  progress.running = progress.running.filter((each) => each !== number);
  return true;
}

/** Whether a server of the platform is unavailable, which says nothing about the trial. */
function isOutage(error: unknown): boolean {
  return outages.includes(readType(error));
}

/** Whether another attempt may succeed, on a worker that has what this one lacked. */
function mayRepeat(error: unknown): boolean {
  return error instanceof ActivityFailure && error.retryState !== 'NON_RETRYABLE_FAILURE';
}

/** Starts and ends of trials so far. Lanes return in any order, and the newest has the most. */
function eventsIn({ asked, counts }: Pick<StudyProgress, 'asked' | 'counts'>): number {
  return asked + counts.complete + counts.pruned + counts.failed;
}

/** Lanes return in any order, and counts only grow. */
function laterCounts(now: TrialCounts, then: TrialCounts): StudyProgress['counts'] {
  return {
    complete: Math.max(now.complete, then.complete),
    pruned: Math.max(now.pruned, then.pruned),
    failed: Math.max(now.failed, then.failed),
  };
}

function readStudy(input: StudyInput) {
  return registryWrites.readStudy({ ...nameStudy(input), tune: input.tune });
}

function nameStudy({ tenant, runId, study }: StudyInput) {
  return { tenant, runId, study };
}

/** Each trial runs once in a run; a repeated call finds it under the same key. */
function formatEffectKey({ runId, study }: StudyInput, step: string, number: number) {
  return effectKey(runId, study, step, 1, String(number));
}

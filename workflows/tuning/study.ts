/**
 * The search for better parameters: as many trials beside each other as the spec says, each asked
 * for, run and recorded, until the trials or the budget are over.
 */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { effectKey } from '../../domain/ids';
import type { TrialCounts, TrialEnd, TrialParams } from '../../domain/tuning/tuning';
import { givingUp } from '../../domain/tuning/tuning';
import { computeWork, records, studyWork } from '../activity-proxies';
import { allOrNone } from '../run/all-or-none';
import type { StudyInput, StudyOutcome } from './messages';
import { runPausedSignal, runResumedSignal, studyQuery } from './messages';
import { showDetails } from '../run/current-details';
import { messageOf } from '../run/undo';

const longestReason = 1_000;

interface StudyProgress {
  asked: number;
  running: number[];
  counts: { -readonly [Status in keyof TrialCounts]: number };
  paused: boolean;
  /** Begun before this execution and not ended. */
  leftOver: { readonly number: number; readonly params: TrialParams }[];
  endedEarly: string | null;
}

interface StudyRun {
  readonly input: StudyInput;
  readonly standing: StudyProgress;
  /** One question after the other: what is asked knows what was asked before it. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

export async function tuningStudy(input: StudyInput): Promise<StudyOutcome> {
  const standing: StudyProgress = {
    asked: 0,
    running: [],
    counts: { complete: 0, pruned: 0, failed: 0 },
    paused: input.paused,
    leftOver: [],
    endedEarly: null,
  };
  setHandler(runPausedSignal, () => {
    standing.paused = true;
    showStudy(input, standing);
  });
  setHandler(runResumedSignal, () => {
    standing.paused = false;
    showStudy(input, standing);
  });
  setHandler(studyQuery, () => {
    const { asked, running, counts, paused } = standing;
    return { asked, running, counts, paused };
  });

  await inLanes(input, standing);
  if (standing.endedEarly === null && standing.asked < input.tune.trials) {
    await condition(allHandlersFinished);
    return continueAsNew<typeof tuningStudy>({ ...input, paused: standing.paused });
  }
  const { counts, best, seconds } = await readStudy(input);
  return { counts, best, seconds, endedEarly: standing.endedEarly };
}

async function inLanes(input: StudyInput, standing: StudyProgress): Promise<void> {
  try {
    // The registry knows how far it came, whatever became of the execution before.
    const before = await readStudy(input);
    standing.asked = before.asked;
    standing.counts = { ...before.counts };
    standing.leftOver = [...before.running];
    showStudy(input, standing);
    const leaveAt = before.asked + (input.trialsPerExecution ?? Infinity);
    const study: StudyRun = { input, standing, inTurn: inTurn() };
    await allOrNone(Array.from({ length: input.tune.parallel }, () => () => lane(study, leaveAt)));
  } catch (error) {
    const reason = isCancellation(error)
      ? 'the run was cancelled'
      : `the study failed: ${messageOf(error)}`.slice(0, longestReason);
    showDetails(`The study ended: ${reason}`);
    await CancellationScope.nonCancellable(() =>
      records.abandonStudy({ ...studyOf(input), reason }),
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
  const under =
    running.length === 0
      ? 'No trial is running.'
      : `Running: ${running.length === 1 ? 'trial' : 'trials'} ${numbers}.`;
  const of = `${ended} of ${tune.trials} trials have ended: ${counts.complete} complete, ${counts.pruned} pruned, ${counts.failed} failed.`;
  const early = endedEarly === null ? '' : ` No further trial starts: ${endedEarly}.`;
  showDetails(
    `${under} ${of}${early}${paused ? ' Its run is paused, so no further trial starts until it is resumed.' : ''}`,
  );
}

/** Trials one after the other, while there is something to do and room in the history. */
async function lane({ input, standing, inTurn: after }: StudyRun, leaveAt: number): Promise<void> {
  for (;;) {
    const trial = standing.leftOver.shift() ?? (await after(() => ask(input, standing, leaveAt)));
    if (trial === null) return;
    standing.running.push(trial.number);
    showStudy(input, standing);
    const end = await runTrial(input, trial);
    const { status } = await records.endTrial({
      ...studyOf(input),
      number: trial.number,
      end,
      tune: input.tune,
    });
    standing.running = standing.running.filter((number) => number !== trial.number);
    if (status !== 'running') standing.counts[status] += 1;
    standing.endedEarly ??= givingUp(standing.counts, input.tune.parallel);
    showStudy(input, standing);
  }
}

async function ask(
  input: StudyInput,
  standing: StudyProgress,
  leaveAt: number,
): Promise<{ number: number; params: TrialParams } | null> {
  for (;;) {
    await condition(() => !standing.paused);
    const number = standing.asked;
    if (
      standing.endedEarly !== null ||
      number >= input.tune.trials ||
      number >= leaveAt ||
      workflowInfo().continueAsNewSuggested
    )
      return null;
    const { tune, hyperband, traceId } = input;
    const study = studyOf(input);
    const asked = await studyWork.askTrial.executeWithOptions({ summary: `trial ${number}` }, [
      { ...study, key: keyOf(input, 'ask', number), traceId, number, tune, hyperband },
    ]);
    if (asked.kind === 'over') {
      standing.endedEarly ??= asked.reason;
      return null;
    }
    standing.asked = number + 1;
    if (!asked.ended) return asked;
  }
}

/** What cannot be tried again any more ends the trial, not the study. */
async function runTrial(
  input: StudyInput,
  { number, params }: { readonly number: number; readonly params: TrialParams },
): Promise<TrialEnd> {
  const { tenant, runId, traceId, lifecycle, study, tune, hyperband, train, assembled } = input;
  try {
    return await computeWork(train.compute).runTrial.executeWithOptions(
      { summary: `trial ${number}: ${JSON.stringify(params)}`.slice(0, 190) },
      [
        {
          tenant,
          runId,
          traceId,
          lifecycle,
          study,
          tune,
          hyperband,
          train,
          assembled,
          key: keyOf(input, 'trial', number),
          number,
          params,
        },
      ],
    );
  } catch (error) {
    if (isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
    return { status: 'failed', value: null, reason: messageOf(error).slice(0, longestReason) };
  }
}

function readStudy(input: StudyInput) {
  return records.readStudy({ ...studyOf(input), tune: input.tune });
}

function studyOf({ tenant, runId, study }: StudyInput) {
  return { tenant, runId, study };
}

/** A trial is run once in a run; what comes again finds it under the same key. */
function keyOf({ runId, study }: StudyInput, step: string, number: number) {
  return effectKey(runId, study, step, 1, String(number));
}

function inTurn(): StudyRun['inTurn'] {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

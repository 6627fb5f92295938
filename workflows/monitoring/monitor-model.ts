/**
 * Watches the champion of a model while it has one. The registry has the state, and each look is
 * one activity, so an execution that was lost loses nothing: the next one catches up.
 */
import {
  ActivityFailure,
  allHandlersFinished,
  condition,
  isCancellation,
  log,
  makeContinueAsNewFunc,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { formerComparison, monitorPreparation, monitorWork } from '../activity-proxies';
import { showDetails } from '../run/current-details';
import { readMessage } from '../run/undo';
import { lookBecameDueSignal, type MonitorModelInput } from './messages';

export async function monitorModel(input: MonitorModelInput): Promise<void> {
  const { tenant, model, looksPerExecution = 1_000 } = input;
  let due = 1;
  let skew = input.skew ?? { at: 0, rows: 0 };
  const measuring: Background = { work: null };
  const comparing: Background = { work: null };
  setHandler(lookBecameDueSignal, () => {
    due += 1;
  });
  for (let looks = 0, taken = 0; ; looks += 1) {
    const { continueAsNewSuggested, targetWorkerDeploymentVersionChanged } = workflowInfo();
    if (
      continueAsNewSuggested ||
      targetWorkerDeploymentVersionChanged ||
      looks >= looksPerExecution
    ) {
      await condition(allHandlersFinished);
      await Promise.all([measuring.work, comparing.work]);
      // The next execution begins with a look, so a signal that came last is not lost.
      const next = makeContinueAsNewFunc<typeof monitorModel>({
        // A monitor runs for years, so it must not stay with the code that it began with.
        initialVersioningBehavior: 'AUTO_UPGRADE',
      });
      return next({ ...input, skew });
    }
    taken = due;
    const isOver = await look();
    if (due > taken) continue;
    if (isOver) {
      await Promise.all([measuring.work, comparing.work]);
      return;
    }
    await condition(() => due > taken, longestPauseMs, { summary: 'wait for requests' });
  }

  /** True if there is nothing to watch. */
  async function look(): Promise<boolean> {
    for (;;) {
      const seen = await monitorWork.observeModel.executeWithOptions({ summary: model }, [
        { tenant, model },
      ]);
      switch (seen.kind) {
        case 'off':
          showDetails(`**${model}** is not monitored: ${seen.why}.`);
          return true;
        case 'prepare':
          if (!(await prepare(seen.version))) return false;
          continue;
        case 'observed':
          showDetails(
            `Watching **${model}@${seen.version}**: ${seen.rows} requests, ${seen.alarms} alarms.`,
          );
          if (!seen.isDrained) continue;
          measureSkew(seen);
          if (seen.comparesFormer) compareFormer(seen.version);
          return false;
      }
    }
  }

  /**
   * Once an hour, and when a run waits for it, if requests arrived since. Looks do not wait for it.
   */
  function measureSkew({
    version,
    rows,
    needsSkew,
  }: {
    readonly version: number;
    readonly rows: number;
    readonly needsSkew: boolean;
  }): void {
    const isTime = needsSkew || Date.now() - skew.at >= skewEveryMs;
    if (!isTime || rows === 0 || rows === skew.rows || measuring.work !== null) return;
    skew = { at: Date.now(), rows };
    const summary = `${model}@${version}: compute a sample of requests again`;
    const options = { summary, retry: { maximumAttempts: 3 } };
    measuring.work = attempt('measure the skew of a model', () =>
      monitorPreparation.measureSkew.executeWithOptions(options, [{ tenant, model }]),
    ).finally(() => {
      measuring.work = null;
    });
  }

  /** Compares at each check while an alarm of quality is open and the last comparison is over. */
  function compareFormer(version: number): void {
    if (comparing.work !== null) return;
    const summary = `${model}@${version}: compare it with the former champion`;
    comparing.work = attempt('compare a model with its former champion', () =>
      formerComparison.compareFormer.executeWithOptions({ summary }, [{ tenant, model }]),
    ).finally(() => {
      comparing.work = null;
    });
  }

  /** Prepares the reference; without one, the next check tries again. */
  async function prepare(version: number): Promise<boolean> {
    const summary = `${model}@${version}: build the reference`;
    return attempt('build the reference of a monitor', () =>
      monitorPreparation.prepareMonitor.executeWithOptions({ summary }, [{ tenant, model }]),
    );
  }

  /** Whether it succeeded. A failure must not end the monitor. */
  async function attempt(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      log.warn(`could not ${what}; it will be tried again`, { model, error: readMessage(error) });
      return false;
    }
  }
}

/** Work that looks do not wait for; null while there is none. */
interface Background {
  work: Promise<boolean> | null;
}

/** Workers send a signal sooner. This is for a signal that was lost. */
const longestPauseMs = 3_600_000;

const skewEveryMs = 3_600_000;

import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowCancellationType,
  ParentClosePolicy,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { count, interval as bothEnds, percent, formatSigned } from '../../../domain/format';
import type { TuneSpec } from '../../../domain/tuning/tune-spec';
import { isConfirmed, type Confirmation } from '../../../domain/evaluation/measure/confirm';
import { blocksText } from '../../../domain/evaluation/measure/random-blocks';
import type { TrialCounts } from '../../../domain/tuning/tuning';
import type { WarmStart } from '../../../activities/tuning/tuning';
import type { Reason, Verdict } from '../../../domain/verdict';
import { computeWork, dataWork, registryWrites } from '../../activity-proxies';
import type { StageEnd } from '../../../domain/run/plan';
import type { EffectFactory, EndedStage, ModelRun } from '../stage';
import { builtInQueue } from '../../run/built-in-queue';
import { pausedWithRun } from '../../run/child-pause';
import { childAttributes } from '../../run/search-attributes';
import { readMessage, readType } from '../../run/undo';
import { runStage } from '../stage';
import { tuningStudyWorkflow, type StudyInput, type StudyOutcome } from '../../tuning/messages';
import type { tuningStudy } from '../../tuning/study';
import type { TrainOptions, TrainOutput } from './train';
import { requireFile, trainerParams } from './train';

export interface TuneOutput {
  readonly chosen: 'tuned' | 'default';
  /** Parameters of the chosen model. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly trials: TrialCounts;
  readonly best: StudyOutcome['best'];
  /** The Pareto front of a study with several objectives. */
  readonly front?: StudyOutcome['front'];
  /** The earlier study from which the sampler learned. */
  readonly warmStart?: WarmStart;
  /** Null when there was no tuned model to compare. */
  readonly confirm: Confirmation | null;
  /** The chosen model. Exactly these bytes are evaluated; nothing is trained again (I3). */
  readonly model: TrainOutput;
}

const study = 'tune';

/**
 * Searches for parameters on the tuning slice. The best trial replaces the default only if it is
 * better on the confirm slice, which neither model was trained or tuned on.
 */
export async function tune(
  run: ModelRun,
  byDefault: TrainOutput,
  spec: TuneSpec,
  options: TrainOptions = {},
): Promise<EndedStage<TuneOutput> & { readonly verdict: Verdict }> {
  const { plan } = run;
  const { tenant, runId } = plan;
  const params = trainerParams(run, options);
  const timezone = plan.spec.data.time?.timezone ?? 'UTC';
  run.undo.push({
    what: 'tuning study',
    run: () => registryWrites.abandonStudy({ tenant, runId, study, reason: 'the run was undone' }),
  });
  const inputs = async () => {
    const { trainer, tuner, pruning, warmStart } = await registryWrites.describeTuning({
      train: { ...plan.spec.train, params },
      tune: spec,
      tenant,
    });
    return {
      tune: spec,
      timezone,
      model: byDefault.manifest.digest,
      assembled: byDefault.assembled.digest,
      trainer,
      tuner,
      pruning,
      ...(warmStart === undefined ? {} : { warmStart }),
    };
  };
  const ended = await runStage(
    run,
    { name: 'tune', inputs, cached: true },
    async (effect, described): Promise<StageEnd<TuneOutput>> => {
      const { pruning, trainer, warmStart } = described;
      const { spec: lifecycle, traceId } = plan;
      const train = { ...lifecycle.train, params };
      const { assembled } = byDefault;
      const found = await search(run, {
        tenant,
        runId,
        traceId,
        lifecycle: plan.lifecycle,
        study,
        tune: spec,
        pruning,
        earlier: warmStart?.runId,
        train,
        assembled,
        paused: run.control.pausedBy !== null,
        trialsPerExecution: null,
      });
      const kept = {
        chosen: 'default',
        params,
        trials: found.counts,
        best: found.best,
        ...(found.front === undefined ? {} : { front: found.front }),
        ...(warmStart === undefined ? {} : { warmStart }),
        confirm: null,
        model: byDefault,
      } as const;
      if (found.best === null)
        return { output: kept, verdict: passedWith('tune.nothingFound', nothingFound(found)) };

      const winner = { byDefault, params: { ...params, ...found.best.params }, trainer };
      const tuned = await trainWinner(run, effect, winner).catch(unlessBudgetSpent);
      if (typeof tuned === 'string')
        return {
          output: kept,
          verdict: passedWith(
            'tune.default',
            `default parameters kept, as ${nameBestTrial(found)} could not be trained again: ${tuned}`,
          ),
        };
      if (tuned.manifest.digest === byDefault.manifest.digest) {
        return {
          output: kept,
          verdict: passedWith(
            'tune.default',
            `default parameters kept: ${nameBestTrial(found)} gives the same model`,
          ),
        };
      }
      const confirm = await dataWork.confirmTuning.executeWithOptions(
        { summary: `${nameBestTrial(found)} against the default parameters` },
        [
          {
            ...effect('confirm'),
            assembled,
            metric: spec.metric,
            byDefault: byDefault.manifest,
            tuned: tuned.manifest,
            timezone,
          },
        ],
      );
      if (!isConfirmed(confirm)) {
        return {
          output: { ...kept, confirm },
          verdict: passedWith(
            'tune.default',
            'default parameters kept, as no trial is shown to be better: ' +
              comparison(found, confirm),
          ),
        };
      }
      const chosen = {
        ...kept,
        chosen: 'tuned',
        params: { ...params, ...found.best.params },
        confirm,
        model: tuned,
      } as const;
      return {
        output: chosen,
        verdict: passedWith('tune.tuned', `tuned parameters chosen: ${comparison(found, confirm)}`),
      };
    },
  );
  return { ...ended, verdict: ended.verdict ?? noReason };
}

/** Runs the study. A paused run pauses it: running trials finish, and no new trial starts. */
async function search(run: ModelRun, input: StudyInput): Promise<StudyOutcome> {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  const child = await startChild<typeof tuningStudy>(tuningStudyWorkflow, {
    // The id contains the execution: the study of a lost execution may still be ending.
    workflowId: `${workflowId}/tune/${firstExecutionRunId}`,
    args: [input],
    ...builtInQueue(run.plan),
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    // A terminated run requests cancellation, so that the study can end its jobs.
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    typedSearchAttributes: childAttributes({ tenant: input.tenant, model: input.lifecycle }),
    staticSummary: `${input.tune.trials} trials, ${input.tune.parallel} at once`,
  });
  return pausedWithRun(run, child, { wasPaused: input.paused, remaining: 'running trials finish' });
}

/** Trains the best parameters again as a complete model, because a trial keeps only its score. */
async function trainWinner(
  run: ModelRun,
  effect: EffectFactory,
  {
    byDefault,
    params,
    trainer: code,
  }: {
    readonly byDefault: TrainOutput;
    readonly params: TuneOutput['params'];
    readonly trainer: string;
  },
): Promise<TrainOutput> {
  const { plan } = run;
  const { spec } = plan;
  const { assembled } = byDefault;
  const trained = await computeWork(spec.train.compute).trainModel.executeWithOptions(
    { summary: 'final training with the best parameters' },
    [
      {
        ...effect('winner'),
        lifecycle: plan.lifecycle,
        train: { ...spec.train, params },
        assembled,
      },
    ],
  );
  if (trained.trainer.codeDigest !== code) {
    const message =
      `the code of trainer ${trained.trainer.name} changed during the run, or differs ` +
      'between workers';
    throw ApplicationFailure.create({
      message,
      type: 'Conflict',
      nonRetryable: true,
      details: [{ next: 'perennial run rerun' }],
    });
  }
  const manifest = await registryWrites.writeManifest({
    ...effect('manifest'),
    model: plan.lifecycle,
    assembled,
    onnx: trained.onnx,
    featuresSql: requireFile(run, spec.data.features),
    trainer: {
      name: trained.trainer.name,
      codeDigest: trained.trainer.codeDigest,
      params,
      seed: spec.train.seed,
    },
  });
  return { ...byDefault, manifest, result: trained.result, logs: trained.logs };
}

/** The message of a spent budget. The model with default parameters then goes on. */
function unlessBudgetSpent(error: unknown): string {
  if (error instanceof ActivityFailure && readType(error) === 'BudgetSpent')
    return readMessage(error);
  throw error;
}

/** Throws when every trial failed, because the space or the compute must be changed. */
function nothingFound({ counts, endedEarly }: StudyOutcome): string {
  const ended = counts.complete + counts.pruned + counts.failed;
  if (counts.failed > 0 && counts.failed === ended) {
    throw ApplicationFailure.create({
      message: endedEarly ?? `all ${ended} trials failed`,
      type: 'JobFailed',
      nonRetryable: true,
      details: [
        {
          next:
            'perennial run trials <run> shows why each failed; then change tune.space ' +
            'or train.compute',
        },
      ],
    });
  }
  const when = endedEarly === null ? '' : ` when ${endedEarly}`;
  return `default parameters kept: no trial was complete${when}`;
}

function comparison(
  { counts, best, endedEarly }: StudyOutcome,
  { metric, interval, difference, reason, rows, days, unit }: Confirmation,
): string {
  const trials = counts.complete + counts.pruned + counts.failed;
  const early = endedEarly === null ? '' : ` (ended early: ${endedEarly})`;
  const which = `trial ${best?.number ?? '?'}, the best of ${trials}${early}`;
  if (reason !== null) return `${which}: ${reason}`;
  const word =
    difference === null || difference === 0 ? 'no different' : difference < 0 ? 'better' : 'worse';
  const bounds = `${percent(interval.level)} bounds ${bothEnds(interval)}`;
  const sample =
    unit === undefined ? `${count(rows)} rows of ${days} days` : blocksText({ rows, days, unit });
  return (
    `${which}: ${metric} on the confirm slice ${word}, ${formatSigned(difference)} ` +
    `(${bounds}; positive is worse; ${sample})`
  );
}

function nameBestTrial({ best }: StudyOutcome): string {
  return `trial ${best?.number ?? '?'}`;
}

function passedWith(code: string, message: string): Verdict {
  return {
    kind: 'passed',
    reasons: [{ gate: 'tune', code, message, outcome: 'passed' }] satisfies readonly Reason[],
  };
}

const noReason: Verdict = passedWith(
  'tune.unsaid',
  'reused from an earlier run, which recorded no reason for its choice',
);

import {
  ApplicationFailure,
  ChildWorkflowCancellationType,
  condition,
  ParentClosePolicy,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { count, interval as bothEnds, percent, signed } from '../../../domain/format';
import type { TuneSpec } from '../../../domain/lifecycle/lifecycle';
import { isConfirmed, type Confirmation } from '../../../domain/evaluation/measure/confirm';
import { blocksText } from '../../../domain/evaluation/measure/random-blocks';
import type { TrialCounts } from '../../../domain/tuning/tuning';
import type { Reason, Verdict } from '../../../domain/decision/verdict';
import { computeWork, dataWork, records } from '../../activity-proxies';
import type { StageEnd } from '../../../domain/run/plan';
import type { EffectOf, EndedStage, ModelRun } from '../stage';
import { changeStatus } from '../../run/control';
import { childAttributes } from '../../run/search-attributes';
import { runStage } from '../stage';
import {
  runPausedSignal,
  runResumedSignal,
  tuningStudyWorkflow,
  type StudyInput,
  type StudyOutcome,
} from '../../tuning/messages';
import type { tuningStudy } from '../../tuning/study';
import type { Trained } from './train';
import { fileOf } from './train';

export interface Tuned {
  readonly chosen: 'tuned' | 'default';
  /** Of the chosen model. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly trials: TrialCounts;
  readonly best: StudyOutcome['best'];
  /** Null when there was nothing to compare. */
  readonly confirm: Confirmation | null;
  /**
   * The chosen model as it was confirmed: these bytes are evaluated, and nothing is trained again
   * (I3).
   */
  readonly model: Trained;
}

const study = 'tune';

/**
 * Searches on the tuning slice; its winner replaces the default only when it beats it on the
 * confirm slice, which neither has seen.
 */
export async function tune(
  run: ModelRun,
  byDefault: Trained,
  spec: TuneSpec,
): Promise<EndedStage<Tuned> & { readonly verdict: Verdict }> {
  const { plan } = run;
  const { tenant, runId } = plan;
  const params = { ...plan.spec.train.params, ...plan.request.params };
  const { timezone = 'UTC' } = plan.spec.data.time ?? {};
  run.undo.push({
    what: 'tuning study',
    run: () => records.abandonStudy({ tenant, runId, study, reason: 'the run was undone' }),
  });
  const inputs = async () => {
    const { trainer, tuner, hyperband } = await records.describeTuning({
      train: { ...plan.spec.train, params },
      tune: spec,
    });
    return {
      tune: spec,
      timezone,
      model: byDefault.manifest.digest,
      assembled: byDefault.assembled.digest,
      trainer,
      tuner,
      hyperband,
    };
  };
  const ended = await runStage(
    run,
    { name: 'tune', inputs, cached: true },
    async (effect, { hyperband, trainer }): Promise<StageEnd<Tuned>> => {
      const { spec: lifecycle, traceId } = plan;
      const train = { ...lifecycle.train, params };
      const { assembled } = byDefault;
      const found = await search(run, {
        ...{
          tenant,
          runId,
          traceId,
          lifecycle: plan.lifecycle,
          study,
          tune: spec,
          hyperband,
          train,
          assembled,
        },
        paused: run.control.pausedBy !== null,
        trialsPerExecution: null,
      });
      const kept = {
        chosen: 'default',
        params,
        trials: found.counts,
        best: found.best,
        confirm: null,
        model: byDefault,
      } as const;
      if (found.best === null)
        return { output: kept, verdict: said('tune.nothingFound', nothingFound(found)) };

      const tuned = await trainWinner(run, effect, {
        byDefault,
        params: { ...params, ...found.best.params },
        trainer,
      });
      if (tuned.manifest.digest === byDefault.manifest.digest) {
        return {
          output: kept,
          verdict: said(
            'tune.default',
            `the default parameters kept: ${nameOf(found)} has the same`,
          ),
        };
      }
      const confirm = await dataWork.confirmTuning.executeWithOptions(
        { summary: `${nameOf(found)} against the default parameters` },
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
          verdict: said(
            'tune.default',
            `the default parameters kept, as none is shown to be better: ${comparison(found, confirm)}`,
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
        verdict: said('tune.tuned', `tuned parameters chosen: ${comparison(found, confirm)}`),
      };
    },
  );
  return { ...ended, verdict: ended.verdict ?? unsaid };
}

/** The study, told when the run is paused: what is under way goes on, and nothing new begins. */
async function search(run: ModelRun, input: StudyInput): Promise<StudyOutcome> {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  const child = await startChild<typeof tuningStudy>(tuningStudyWorkflow, {
    // Of this execution: one that was lost may still be ending its own.
    workflowId: `${workflowId}/tune/${firstExecutionRunId}`,
    args: [input],
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    // A run that is terminated asks its study to end its jobs.
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    typedSearchAttributes: childAttributes({ tenant: input.tenant, model: input.lifecycle }),
    staticSummary: `${input.tune.trials} trials, ${input.tune.parallel} at once`,
  });
  let over = false;
  const tell = async (): Promise<void> => {
    for (let told = input.paused; ;) {
      await condition(() => over || (run.control.pausedBy !== null) !== told);
      if (over) return;
      told = run.control.pausedBy !== null;
      await recordPause(run);
      await child.signal(told ? runPausedSignal : runResumedSignal);
    }
  };
  // A study that ended in this moment cannot be told, and need not; one that goes on untold is
  // cancelled with the run all the same.
  const telling = tell().catch(() => undefined);
  try {
    return await child.result();
  } finally {
    over = true;
    await telling;
  }
}

async function recordPause({ plan, control }: ModelRun): Promise<void> {
  const { pausedBy } = control;
  const waitingFor =
    pausedBy &&
    `paused by ${pausedBy.actor}${pausedBy.reason ? ` (${pausedBy.reason})` : ''}; trials under way end; perennial run resume ${plan.runId}`;
  await changeStatus(control, pausedBy ? 'paused' : 'running', waitingFor);
}

/** Trained as every model that is kept: a trial leaves its score alone. */
async function trainWinner(
  run: ModelRun,
  effect: EffectOf,
  {
    byDefault,
    params,
    trainer: code,
  }: { readonly byDefault: Trained; readonly params: Tuned['params']; readonly trainer: string },
): Promise<Trained> {
  const { plan } = run;
  const { spec } = plan;
  const { assembled } = byDefault;
  const trained = await computeWork(spec.train.compute).trainModel.executeWithOptions(
    { summary: 'the winner, to be kept' },
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
    const message = `trainer ${trained.trainer.name} changed while the run was under way, or differs between workers`;
    throw ApplicationFailure.create({
      message,
      type: 'Conflict',
      nonRetryable: true,
      details: [{ next: 'perennial run rerun' }],
    });
  }
  const manifest = await records.writeManifest({
    ...effect('manifest'),
    model: plan.lifecycle,
    assembled,
    onnx: trained.onnx,
    featuresSql: fileOf(run, spec.data.features),
    trainer: {
      name: trained.trainer.name,
      codeDigest: trained.trainer.codeDigest,
      params,
      seed: spec.train.seed,
    },
  });
  return { ...byDefault, manifest, result: trained.result, logs: trained.logs };
}

/**
 * A space that nothing comes out of is a mistake to be put right; a budget that was too small is
 * not.
 */
function nothingFound({ counts, endedEarly }: StudyOutcome): string {
  const ended = counts.complete + counts.pruned + counts.failed;
  if (counts.failed > 0 && counts.failed === ended) {
    throw ApplicationFailure.create({
      message: endedEarly ?? `all ${ended} trials failed`,
      type: 'JobFailed',
      nonRetryable: true,
      details: [
        {
          next: 'perennial run trials <run> says why each failed; then change tune.space, or compute',
        },
      ],
    });
  }
  return `the default parameters kept: no trial was complete${endedEarly === null ? '' : ` when ${endedEarly}`}`;
}

function comparison(
  { counts, best, endedEarly }: StudyOutcome,
  { metric, interval, difference, reason, rows, days, unit }: Confirmation,
): string {
  const trials = counts.complete + counts.pruned + counts.failed;
  const which = `trial ${best?.number ?? '?'}, the best of ${trials}${endedEarly === null ? '' : ` (ended early: ${endedEarly})`}`;
  if (reason !== null) return `${which}: ${reason}`;
  const word =
    difference === null || difference === 0 ? 'no different' : difference < 0 ? 'better' : 'worse';
  const bounds = `${percent(interval.level)} bounds ${bothEnds(interval)}`;
  return `${which}: ${metric} on the confirm slice ${word}, ${signed(difference)} (${bounds}; positive is worse; ${unit === undefined ? `${count(rows)} rows of ${days} days` : blocksText({ rows, days, unit })})`;
}

function nameOf({ best }: StudyOutcome): string {
  return `trial ${best?.number ?? '?'}`;
}

function said(code: string, message: string): Verdict {
  return {
    kind: 'passed',
    reasons: [{ gate: 'tune', code, message, outcome: 'passed' }] satisfies readonly Reason[],
  };
}

const unsaid: Verdict = said('tune.unsaid', 'an earlier run chose, and did not say why');

/** A run as the API returns it, and its text for a terminal. */
import { interval, formatSigned } from '../../../domain/format';
import type { Verdict } from '../../../domain/verdict';
import type { ExitCode } from '../cli-error';
import type { CliContext } from '../context';
import { jsonText } from '../harmless';
import { paintRolloutStatus, stepText } from '../rollout/view';
import type { Paint } from '../terminal';
import { table } from '../terminal';
import { batchText } from '../batch/view';
import { describeChanges } from './rerun-view';
import { tuningText } from './trial-view';
import { reasonLines, type Verbosity } from '../decision/verdict-view';
import type { FineTuningJson, PromptsJson } from '../../api/language/view';
import type { RunJson, StageJson } from '../../api/run/view';

export type { RunJson, StageJson };

function promptsText({ chosen, candidates, searched, notShown }: PromptsJson): string {
  const beside = searched ? (searched.unpaid ?? searchedText(searched)) : '';
  return [`${chosen} of ${candidates.length} chosen`, beside, ...notShown.map(notShownText)]
    .filter(Boolean)
    .join(', ');
}

function searchedText({ variants, fewer }: NonNullable<PromptsJson['searched']>): string {
  const why = fewer.length === 0 ? '' : `, less than requested (${fewer.join('; ')})`;
  return `${variants} variants were searched${why}`;
}

/** With more held-out cases the bounds are narrower. */
function notShownText({
  path,
  against,
  difference: { mean, lower, upper, cases },
}: NonNullable<PromptsJson['notShown']>[number]): string {
  const gain =
    mean === null
      ? 'nothing was measured'
      : `${formatSigned(mean)} (${interval({ lower: lower ?? -1, upper: upper ?? 1 })})`;
  const what = mean === 0 ? `${path} scores the same, a tie` : `no gain of ${path} was shown`;
  return `${against} is kept: ${what}, ${gain} on ${cases} held-out cases`;
}

/**
 * Passages make prompts longer, so a limit that fitted before may leave out examples.
 */
function fineTuningText({ rows, passages, facts }: FineTuningJson): string {
  const { leftOut = 0, maxTokens } = (facts['training'] ?? {}) as {
    readonly leftOut?: number;
    readonly maxTokens?: number;
  };
  const told = passages ? ` with ${passages.shown} passages of ${passages.index}` : '';
  return [
    `${rows.train} examples${told}`,
    ...(passages && passages.without > 0 ? [`${passages.without} without passages`] : []),
    ...(leftOut > 0 ? [`${leftOut} left out, longer than ${maxTokens ?? '?'} tokens`] : []),
  ].join(', ');
}

function chooseExitCode({ status }: Pick<RunJson, 'status'>): ExitCode {
  if (status === 'succeeded') return 0;
  return status === 'stopped' ? 3 : 1;
}

/** Prints a run that was followed to its end, and returns the exit code. */
export function showEnd(
  { terminal }: CliContext,
  run: RunJson,
  json: true | undefined,
  verbosity: Verbosity = {},
) {
  terminal.out(json ? jsonText(run) : describeRun(run, terminal.outPaint, verbosity));
  return chooseExitCode(run);
}

export function describeRun(
  run: RunJson,
  paint: Paint,
  { verbose = false }: Verbosity = {},
): string {
  const model = run.version === null ? '' : `  ${run.lifecycle}@${run.version}`;
  const lines = [
    `${paint.bold(run.id)}  ${run.lifecycle}  ${paintStatus(run.status, paint)}${model}`,
  ];
  if (run.parent) lines.push(`child of ${run.parent.run}, whose stage ${run.parent.stage} waits`);
  if (run.rerunOf) {
    const { fromStage } = run.request as { readonly fromStage?: string };
    lines.push(
      [
        `rerun of ${run.rerunOf.run} from ${fromStage ?? 'the first changed stage'}`,
        ...describeChanges(run.rerunOf.changes),
      ].join('\n  '),
    );
  }
  if (run.stages.length > 0) {
    const rows = run.stages.map((stage) => [
      stage.name,
      paintStatus(stage.status, paint),
      stage.seconds.toFixed(1),
      [
        stage.reusedFrom === null ? '' : `reused from ${stage.reusedFrom}`,
        stage.tuning ? tuningText(stage.tuning) : '',
        stage.batch ? batchText(stage.batch) : '',
        stage.prompts ? promptsText(stage.prompts) : '',
        stage.fineTuning ? fineTuningText(stage.fineTuning) : '',
      ]
        .filter(Boolean)
        .join('; '),
    ]);
    lines.push(table(['STAGE', 'STATUS', 'SECONDS', ''], rows));
  }
  // An approver sees the evidence. Unmeasured parts are shown even if the run passed.
  for (const { name, verdict } of run.stages)
    if (verdict && !includes(run.verdict, verdict))
      lines.push(...verdictLines(name, verdict, paint, { verbose }));
  if (run.verdict !== null) lines.push(...verdictLines('verdict', run.verdict, paint, { verbose }));
  if (run.rollout) {
    const { id, model, status } = run.rollout;
    const where = ['running', 'held'].includes(status) ? ` in ${stepText(run.rollout)}` : '';
    lines.push(
      `rollout ${id}: ${paintRolloutStatus(status, paint)}${where}; perennial rollout show ${model} --id ${id}`,
    );
  }
  for (const { id, lifecycle, status } of run.children)
    lines.push(`child ${id}: ${lifecycle}, ${paintStatus(status, paint)}`);
  for (const { event, actor, createdAt, takenBy } of run.sentEvents)
    lines.push(
      `event ${event} from ${actor} at ${createdAt}: ` +
        (takenBy === null ? 'kept until the run waits for it' : `received by ${takenBy}`),
    );
  if (run.waitingFor !== null) lines.push(paint.yellow(`waits for: ${run.waitingFor}`));
  if (run.failure !== null) {
    lines.push(
      paint.red(`${run.failure.stage ?? 'run'}: ${run.failure.type}: ${run.failure.message}`),
    );
    if (run.failure.next !== undefined) lines.push(`${paint.dim('next:')} ${run.failure.next}`);
    for (const undo of run.failure.needsOperator ?? [])
      lines.push(paint.red(`needs an operator: ${undo.what}: ${undo.message}`));
  }
  lines.push(
    paint.dim(`trace ${run.traceId}${run.temporalUrl === null ? '' : `  ${run.temporalUrl}`}`),
  );
  return lines.join('\n');
}

/** The verdict of the run repeats the reasons of its last stages. */
function includes(whole: Verdict | null, { reasons }: Verdict): boolean {
  return reasons.every(({ gate, message }) =>
    whole?.reasons.some((reason) => reason.gate === gate && reason.message === message),
  );
}

function verdictLines(of: string, verdict: Verdict, paint: Paint, verbosity: Verbosity): string[] {
  return [
    `${of}: ${verdict.kind}`,
    ...reasonLines(verdict, paint, verbosity).map((line) => `  ${line}`),
  ];
}

export function paintStatus(status: string, paint: Paint): string {
  if (status === 'succeeded' || status === 'reused') return paint.green(status);
  if (status === 'failed' || status === 'lost') return paint.red(status);
  return status === 'running' || status === 'pending' ? status : paint.yellow(status);
}

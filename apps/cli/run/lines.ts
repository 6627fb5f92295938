import { count, figure } from '../../../domain/format';
import type { RunEventMessage } from '../../client/run-events';
import { formatSeconds } from '../../../domain/duration';
import { standbyText, type StandbyOutcome } from '../../../domain/bundle/standby';
import type { RolloutStatus } from '../../../domain/rollout/rollout';
import { isOpenRollout, rolloutStatuses } from '../../../domain/rollout/rollout';
import type { Verdict } from '../../../domain/verdict';
import { paintRolloutStatus } from '../rollout/view';
import { batchProgressText } from '../batch/view';
import { paintStatus } from './view';
import type { Paint } from '../terminal';
import { progressText } from './trial-view';

/**
 * Turns the events of a run into lines for people. An event without news gives no line.
 */
export type RunLines = (event: RunEventMessage) => readonly string[];

interface TrainMetric {
  readonly step: number;
  readonly name: string;
  readonly value: number;
}

/** Progress of training and tuning is printed occasionally. */
const progressEverySeconds = 5;

export function openRunLines(paint: Paint): RunLines {
  const startedAt = new Map<string, number>();
  let progressAt = -Infinity;
  const isDue = (time: number): boolean => {
    if (time - progressAt < progressEverySeconds * 1000) return false;
    progressAt = time;
    return true;
  };
  return ({ kind, stage, data, at }) => {
    const time = Date.parse(at);
    const when = paint.dim(at.slice(11, 19));
    const line = (who: string, what: string): readonly string[] => [
      `${when}  ${who.padEnd(9)} ${what}`.trimEnd(),
    ];
    if (kind === 'train.metrics')
      return isDue(time) ? line(stage ?? 'train', paint.dim(metricsText(data))) : [];
    if (kind === 'step.metrics')
      return isDue(time)
        ? line(
            stage ?? 'step',
            paint.dim(`${String(data['step'])}: ${valuesText(data['metrics'])}`),
          )
        : [];
    // The last one is always printed, with the result of the study.
    if (kind === 'trial.ended')
      return isDue(time) || data['ended'] === data['of']
        ? line(stage ?? 'tune', paint.dim(progressText(data)))
        : [];
    if (kind === 'evaluation.progress')
      return isDue(time) ? line(stage ?? 'evaluate', paint.dim(askedText(data))) : [];
    if (kind === 'index.progress')
      return isDue(time) ? line(stage ?? 'rag-index', paint.dim(shardText(data))) : [];
    if (kind === 'examples.progress')
      return isDue(time) ? line(stage ?? 'fine-tune', paint.dim(foundText(data))) : [];
    if (kind === 'search.progress')
      return isDue(time) ? line(stage ?? 'prompt-eval', paint.dim(searchedText(data))) : [];
    if (kind === 'stage.progress')
      return isDue(time) ? line(stage ?? 'stage', paint.dim(itemsText(data))) : [];
    // The last one is always printed.
    if (kind === 'batch.progress')
      return isDue(time) || data['done'] === data['total']
        ? line(stage ?? 'score', paint.dim(batchProgressText(data)))
        : [];
    if (kind === 'stage.metric') return line(stage ?? 'stage', paint.dim(valuesText([data])));
    if (kind === 'run.accepted' || kind === 'run.opened')
      return line(
        'run',
        typeof data['actor'] === 'string' ? `accepted for ${data['actor']}` : 'accepted',
      );
    if (kind === 'child.started')
      return line(stage ?? 'run', `started ${String(data['run'])} of ${String(data['lifecycle'])}`);
    if (kind === 'event.sent')
      return line('run', `event ${String(data['event'])} from ${String(data['actor'])}`);
    if (kind === 'run.status') return runStatusLines(data, (what) => line('run', what), paint);
    const failure = data['failure'] as
      { readonly type: string; readonly message: string } | undefined;
    if (kind === 'attempt.failed' && failure)
      return line(
        stage ?? 'run',
        paint.yellow(`attempt ${String(data['attempt'])} failed, retrying: ${failure.message}`),
      );
    if (kind === 'job.restarted') return line(stage ?? 'run', paint.yellow(String(data['reason'])));
    if (kind === 'standby.judged')
      return line(stage ?? 'evaluate', standbyLine(data as unknown as StandbyOutcome, paint));
    if (kind.startsWith('provider.'))
      return line(stage ?? 'run', paint.yellow(absenceText(kind, data)));
    if (kind.startsWith('rollout.'))
      return rolloutLines(kind, data, (what) => line(stage ?? 'canary', what), paint);
    if (stage === null || !kind.startsWith('stage.')) return [];
    const what = kind.slice('stage.'.length);
    if (what === 'started') {
      startedAt.set(stage, time);
      return line(stage, 'started');
    }
    if (what === 'reused')
      return line(stage, `${paint.green('reused')} from ${String(data['reusedFrom'])}`);
    const began = startedAt.get(stage);
    const seconds = began === undefined ? '' : `  ${((time - began) / 1000).toFixed(1)} s`;
    return [
      ...line(stage, `${paintStatus(what, paint)}${seconds}`),
      ...(failure ? [`          ${paint.red(`${failure.type}: ${failure.message}`)}`] : []),
    ];
  };
}

/**
 * Steps and waits are part of the status of the run. These lines show commands of people, and the
 * end.
 */
function rolloutLines(
  kind: string,
  { status, actor, cause, extendedSeconds, version }: Readonly<Record<string, unknown>>,
  line: (what: string) => readonly string[],
  paint: Paint,
): readonly string[] {
  if (kind === 'rollout.extended')
    return line(
      `${formatSeconds(Number(extendedSeconds))} of event time added by ${String(actor)}`,
    );
  if (kind === 'rollout.arm_stopped')
    return line(`version ${String(version)} gets no more traffic: ${String(cause)}`);
  if (kind === 'rollout.share_moved') return line(String(cause));
  if (!isEnd(status)) return [];
  return line(`${paintRolloutStatus(status, paint)} by ${String(actor)}: ${String(cause)}`);
}

function isEnd(status: unknown): status is RolloutStatus {
  const known: readonly unknown[] = rolloutStatuses;
  return known.includes(status) && !isOpenRollout(status as RolloutStatus);
}

function metricsText({
  trainer,
  job,
  metrics = [],
}: Readonly<Record<'trainer' | 'job' | 'metrics', unknown>>): string {
  const values = metrics as readonly TrainMetric[];
  const step = Math.max(0, ...values.map((metric) => metric.step));
  // A training that is not the stage's own model is named: the winner of a study, or a baseline.
  const [, stage, which] = typeof job === 'string' ? job.split('/') : [];
  const name =
    stage === undefined || stage === 'train' || stage === 'fine-tune' ? '' : `${which}: `;
  return `${name}${String(trainer)} step ${step}: ${valuesText(values)}`;
}

/** Progress of a stage that counts its work, or of a map, whose items may fail. */
function itemsText({ done, total, failed }: Readonly<Record<string, unknown>>): string {
  const of = typeof total === 'number' ? ` of ${count(total)}` : '';
  const failures = typeof failed === 'number' && failed > 0 ? `, ${count(failed)} failed` : '';
  return `${count(Number(done))}${of} done${failures}`;
}

function valuesText(metrics: unknown): string {
  const values = (metrics ?? []) as readonly TrainMetric[];
  return values.map(({ name, value }) => `${name} ${figure(value)}`).join(', ');
}

function askedText({
  asked,
  of,
  unanswered,
  fromLedger,
}: Readonly<Record<string, unknown>>): string {
  const beside = [
    ...(Number(unanswered) > 0 ? [`${Number(unanswered)} without an answer`] : []),
    ...(Number(fromLedger) > 0 ? [`${Number(fromLedger)} from the call ledger`] : []),
  ];
  return [`${Number(asked)} of ${Number(of)} cases asked`, ...beside].join(', ');
}

function foundText({ found, of, index }: Readonly<Record<string, unknown>>): string {
  return `passages of ${String(index)} found for ${Number(found)} of ${Number(of)} examples`;
}

/** No action is needed. The line explains the delay. */
function absenceText(
  kind: string,
  { provider, job, since, reason, patienceSeconds }: Readonly<Record<string, unknown>>,
): string {
  if (kind === 'provider.back')
    return `${String(provider)} is available again; it was unavailable since ${String(since)}`;
  const until = `retrying for ${formatSeconds(Number(patienceSeconds))} in total`;
  const meanwhile =
    typeof job === 'string' ? `its job ${job} continues` : 'it has not accepted the job';
  return `${String(provider)} is unavailable since ${String(since)}: ${String(reason)}; ${meanwhile}, ${until}`;
}

function standbyLine(outcome: StandbyOutcome, paint: Paint): string {
  return outcome.kind === 'qualified' ? standbyText(outcome) : paint.yellow(standbyText(outcome));
}

function shardText({ shard, of, chunks, embedded }: Readonly<Record<string, unknown>>): string {
  return `part ${Number(shard)} of ${Number(of)}: ${Number(chunks)} chunks, ${Number(embedded)} embedded`;
}

function searchedText({
  step,
  round,
  rounds,
  done,
  of,
  best,
}: Readonly<Record<string, unknown>>): string {
  const where =
    step === 'confirm' ? 'winner on held-out cases' : `round ${Number(round)} of ${Number(rounds)}`;
  const { quality, cases } = (best ?? {}) as { readonly quality?: number; readonly cases?: number };
  const so = quality === undefined ? '' : `, best ${figure(quality)} of ${cases} cases`;
  return `search, ${where}: ${Number(done)} of ${Number(of)} prompts evaluated${so}`;
}

interface RunStatusData {
  readonly status?: string;
  readonly waitingFor?: string | null;
  readonly verdict?: Verdict | null;
}

/** Failure, reasons and links are printed with the run itself at the end. */
function runStatusLines(
  data: RunStatusData,
  line: (what: string) => readonly string[],
  paint: Paint,
): readonly string[] {
  const { status = '', waitingFor, verdict } = data;
  if (waitingFor) return line(`${paintStatus(status, paint)}: ${waitingFor}`);
  return line(
    verdict ? `${paintStatus(status, paint)}, verdict ${verdict.kind}` : paintStatus(status, paint),
  );
}

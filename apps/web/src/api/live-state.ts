/** What the page of a run knows from its events. */
import { isFinal, type RunStatus } from '../../../../domain/run/run';

export interface LiveEvent {
  readonly seq: number;
  readonly kind: string;
  readonly stage: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: string;
}

export type Connection = 'connecting' | 'live' | 'lost' | 'ended' | 'refused';

type Curve = readonly (readonly [step: number, value: number])[];

export interface LiveRun {
  readonly connection: Connection;
  /** Events that the page lists. Those of trials and metrics are only counted and drawn. */
  readonly log: readonly LiveEvent[];
  /** Metric name and job → curve of step and value. */
  readonly curves: ReadonlyMap<string, Curve>;
  /** What the running jobs have written so far, by the key of the job. */
  readonly output: ReadonlyMap<string, RunningOutput>;
  /** The newest progress of each stage, as a text. */
  readonly progress: ReadonlyMap<string, string>;
  /** Grows with each event after which the run itself must be read again. */
  readonly changes: number;
  readonly trials: number;
}

interface RunningOutput {
  readonly stage: string | null;
  readonly text: string;
}

export const noEvents: LiveRun = {
  connection: 'connecting',
  log: [],
  curves: new Map(),
  output: new Map(),
  progress: new Map(),
  changes: 0,
  trials: 0,
};

/** The oldest are left out beyond this number. */
const maxListed = 2000;
/** Maximum length of the output that is kept of one running job. */
const maxCharacters = 200_000;

export function withEvents(before: LiveRun, events: readonly LiveEvent[]): LiveRun {
  if (events.length === 0) return before;
  const curves = new Map(before.curves);
  const copied: CopiedCurves = new Map();
  const progress = new Map(before.progress);
  const output = new Map(before.output);
  const listed: LiveEvent[] = [];
  let { changes, trials } = before;
  for (const event of events) {
    const { kind, stage, data } = event;
    if (kind === 'train.metrics' || kind === 'step.metrics') addPoints(curves, copied, event);
    else if (kind === 'job.output') addOutput(output, event);
    else if (kind === 'trial.started') progress.set(stage ?? 'tune', trialText(data));
    else if (kind === 'trial.ended') {
      trials += 1;
      progress.set(stage ?? 'tune', trialText(data));
    } else if (kind.endsWith('.progress')) progress.set(stage ?? 'run', progressText(kind, data));
    else {
      listed.push(event);
      forgetStored(output, event);
      if (!kind.startsWith('event.')) changes += 1;
    }
  }
  const log = [...before.log, ...listed].slice(-maxListed);
  return { ...before, log, curves, output, progress, changes, trials };
}

/** The stored log has the output of ended jobs. */
function forgetStored(output: Map<string, RunningOutput>, { kind, stage, data }: LiveEvent): void {
  if (kind === 'job.failed' || kind === 'job.cancelled') output.delete(String(data['job']));
  else if (kind.startsWith('stage.') && kind !== 'stage.started') {
    for (const [job, { stage: of }] of output) if (of === stage) output.delete(job);
  } else if (kind === 'run.status' && isFinal(data['status'] as RunStatus)) output.clear();
}

function addOutput(output: Map<string, RunningOutput>, { stage, data }: LiveEvent): void {
  const { job, text, begins } = data;
  if (typeof job !== 'string' || typeof text !== 'string') return;
  const earlier = begins === true ? '' : (output.get(job)?.text ?? '');
  output.set(job, { stage, text: `${earlier}${text}`.slice(-maxCharacters) });
}

type CopiedCurves = Map<string, Curve[number][]>;

/** Each curve is copied once for many events, because a curve may have thousands of points. */
function addPoints(curves: Map<string, Curve>, copied: CopiedCurves, { data }: LiveEvent): void {
  const job = typeof data['job'] === 'string' ? (data['job'].split('/')[2] ?? '') : '';
  const metrics = (data['metrics'] ?? []) as readonly {
    readonly step: number;
    readonly name: string;
    readonly value: number;
  }[];
  for (const { step, name, value } of metrics) {
    const key = job === '' || job === 'model' ? name : `${name} (${job})`;
    const points = copied.get(key) ?? [...(curves.get(key) ?? [])];
    // A job that started again reports earlier steps once more.
    while ((points.at(-1)?.[0] ?? -Infinity) >= step) points.pop();
    points.push([step, value]);
    copied.set(key, points);
    curves.set(key, points);
  }
}

function trialText(data: Readonly<Record<string, unknown>>): string {
  const { ended, of } = data;
  return typeof ended === 'number' && typeof of === 'number'
    ? `${ended} of ${of} trials`
    : 'trials';
}

function progressText(kind: string, data: Readonly<Record<string, unknown>>): string {
  const done = data['done'] ?? data['asked'] ?? data['found'] ?? data['shard'];
  const total = data['total'] ?? data['of'];
  const what = kind === 'evaluation.progress' ? ' cases' : '';
  const so = typeof done === 'number' ? String(done) : '0';
  return typeof total === 'number' ? `${so} of ${total}${what}` : `${so}${what}`;
}

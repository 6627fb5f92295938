/**
 * The events of a run as they happen. A lost connection is opened again after the last event that
 * arrived, so that none is missing.
 */
import { createParser } from 'eventsource-parser';
import { useEffect, useState } from 'react';
import { refusalIn, RefusedCall } from './client';

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
  /** By the name of the metric and its job: step, value. */
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

const none: LiveRun = {
  connection: 'connecting',
  log: [],
  curves: new Map(),
  output: new Map(),
  progress: new Map(),
  changes: 0,
  trials: 0,
};

/** Shown once for so many milliseconds, however many events arrive. */
const flushMilliseconds = 150;
const retryMilliseconds = 1000;
/** The oldest are left out beyond this number. */
const mostListed = 2000;
/** Of the output of one running job. */
const mostCharacters = 200_000;
/** A window that is not seen keeps its connection for so long. */
const hiddenMilliseconds = 5_000;

export function useLiveRun(runId: string): LiveRun {
  const [state, setState] = useState<LiveRun>(none);
  useEffect(() => {
    setState(none);
    const end = new AbortController();
    let current = none;
    let arrived: LiveEvent[] = [];
    let timer: number | undefined;
    const flush = (): void => {
      timer = undefined;
      current = withEvents(current, arrived);
      arrived = [];
      setState(current);
    };
    const show = (connection: Connection): void => {
      current = { ...current, connection };
      timer ??= window.setTimeout(flush, flushMilliseconds);
    };
    void follow(runId, end.signal, show, (event) => {
      arrived.push(event);
      timer ??= window.setTimeout(flush, flushMilliseconds);
    });
    return () => {
      end.abort();
      window.clearTimeout(timer);
    };
  }, [runId]);
  return state;
}

/**
 * Browsers open at most six connections to one address over HTTP/1.1, so a window that is not seen
 * gives its connection back. It continues after its last event when it is seen again.
 */
async function follow(
  runId: string,
  signal: AbortSignal,
  show: (connection: Connection) => void,
  onEvent: (event: LiveEvent) => void,
): Promise<void> {
  let lastId = 0;
  const isLeft = (): boolean => signal.aborted;
  while (!isLeft()) {
    await untilSeen(signal);
    const unseen = abortedWhenUnseen(signal);
    try {
      const isOver = await readEvents(runId, lastId, unseen.signal, show, (event) => {
        if (event.seq <= lastId) return;
        lastId = event.seq;
        onEvent(event);
      });
      if (isOver) {
        show('ended');
        return;
      }
    } catch (error) {
      if (isLeft()) return;
      if (unseen.signal.aborted) {
        show('connecting');
        continue;
      }
      const status = error instanceof RefusedCall ? error.status : null;
      if (status !== null && status < 500 && status !== 429) {
        show('refused');
        return;
      }
    } finally {
      unseen.end();
    }
    show('lost');
    await new Promise((resume) => setTimeout(resume, retryMilliseconds));
  }
}

/** True after the last event of the run, false if the connection ended before. */
async function readEvents(
  runId: string,
  lastId: number,
  signal: AbortSignal,
  show: (connection: Connection) => void,
  onEvent: (event: LiveEvent) => void,
): Promise<boolean> {
  const response = await fetch(`/api/v1/runs/${encodeURIComponent(runId)}/events`, {
    credentials: 'same-origin',
    headers: { accept: 'text/event-stream', 'last-event-id': String(lastId) },
    signal,
  });
  if (!response.ok || response.body === null) throw await refusalIn(response);
  show('live');
  const over: { isOver: boolean } = { isOver: false };
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === 'end') over.isOver = true;
      else onEvent(JSON.parse(data) as LiveEvent);
    },
  });
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return over.isOver;
    parser.feed(decoder.decode(value, { stream: true }));
  }
}

function untilSeen(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
  });
}

function abortedWhenUnseen(signal: AbortSignal): {
  readonly signal: AbortSignal;
  readonly end: () => void;
} {
  const unseen = new AbortController();
  let timer: number | undefined;
  const look = (): void => {
    window.clearTimeout(timer);
    if (document.hidden) timer = window.setTimeout(() => unseen.abort(), hiddenMilliseconds);
  };
  document.addEventListener('visibilitychange', look);
  return {
    signal: AbortSignal.any([signal, unseen.signal]),
    end() {
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', look);
    },
  };
}

function withEvents(before: LiveRun, events: readonly LiveEvent[]): LiveRun {
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
      // The stored log has the output of ended jobs.
      if (kind !== 'job.restarted' && !kind.endsWith('.started'))
        for (const [job, { stage: of }] of output) if (of === stage) output.delete(job);
      if (!kind.startsWith('event.')) changes += 1;
    }
  }
  const log = [...before.log, ...listed].slice(-mostListed);
  return { ...before, log, curves, output, progress, changes, trials };
}

function addOutput(output: Map<string, RunningOutput>, { stage, data }: LiveEvent): void {
  const { job, text, begins } = data;
  if (typeof job !== 'string' || typeof text !== 'string') return;
  const earlier = begins === true ? '' : (output.get(job)?.text ?? '');
  output.set(job, { stage, text: `${earlier}${text}`.slice(-mostCharacters) });
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

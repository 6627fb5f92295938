/**
 * The share of requests that succeed while gateways are stopped, killed and frozen in turn. Callers
 * behave like a balancer and a stock client: they try the other gateway, at most twice.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import { rounded } from '../figures';
import { question, type StreamTarget } from './plan';
import type { Rig } from './rig';

export interface UptimeFigures {
  readonly seconds: number;
  readonly faults: Readonly<Record<Fault, number>>;
  readonly requests: number;
  readonly answeredAtOnce: number;
  readonly answered: number;
  /** Share of the requests that were answered. */
  readonly answeredShare: number;
  /** Share of the seconds in which no request was given up. */
  readonly cleanSecondsShare: number;
  readonly streams: {
    readonly begun: number;
    readonly whole: number;
    readonly toldWhy: number;
    readonly cut: number;
  };
}

type Fault = 'stopped' | 'killed' | 'frozen';

const faults: readonly Fault[] = ['stopped', 'killed', 'frozen'];
const everySeconds = 10;
const attempts = 3;
const attemptMs = 3000;
const frozenMs = 5000;
const askers = 8;
const requestsPerAskerSecond = 5;
const readers = 10;

export async function measureUptime(rig: Rig, seconds: number): Promise<UptimeFigures> {
  const counts = { requests: 0, answeredAtOnce: 0, answered: 0 };
  const streams = { begun: 0, whole: 0, toldWhy: 0, cut: 0 };
  const spoilt = new Set<number>();
  const startedAt = performance.now();
  const elapsed = () => (performance.now() - startedAt) / 1000;
  let turn = 0;
  const targetAt = (place: number): StreamTarget =>
    rig.targets()[place % rig.gateways.length] as StreamTarget;

  async function ask(): Promise<void> {
    counts.requests += 1;
    const first = turn++;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      if (attempt > 0) await pause(100 * 2 ** attempt);
      if ((await whole(targetAt(first + attempt))) !== 200) continue;
      counts.answered += 1;
      if (attempt === 0) counts.answeredAtOnce += 1;
      return;
    }
    spoilt.add(Math.floor(elapsed()));
  }

  async function read(): Promise<void> {
    const heard = await stream(targetAt(turn++));
    // A request without a first token is retried like any other.
    if (heard === null) {
      await pause(200);
      return;
    }
    streams.begun += 1;
    streams[heard] += 1;
  }

  async function askInTurn(): Promise<void> {
    await Promise.all([ask(), pause(1000 / requestsPerAskerSecond)]);
  }

  const until = (work: () => Promise<void>) => async () => {
    while (elapsed() < seconds) await work();
  };
  const faulted: Record<Fault, number> = { stopped: 0, killed: 0, frozen: 0 };
  const asking = Array.from({ length: askers }, until(askInTurn));
  const reading = Array.from({ length: readers }, until(read));
  for (let place = 0; elapsed() < seconds - everySeconds; place += 1) {
    await pause(everySeconds * 1000);
    const fault = faults[place % faults.length] as Fault;
    await strike(rig, place % rig.gateways.length, fault);
    faulted[fault] += 1;
  }
  await Promise.all([...asking, ...reading]);
  const { requests, answered } = counts;
  return {
    seconds: Math.round(elapsed()),
    faults: faulted,
    ...counts,
    answeredShare: rounded(answered / requests, 5),
    cleanSecondsShare: rounded(1 - spoilt.size / elapsed(), 4),
    streams,
  };
}

async function strike({ gateways, restart }: Rig, index: number, fault: Fault): Promise<void> {
  const gateway = gateways[index];
  if (gateway === undefined) return;
  if (fault === 'frozen') {
    process.kill(gateway.pid, 'SIGSTOP');
    await pause(frozenMs);
    process.kill(gateway.pid, 'SIGCONT');
    return;
  }
  await gateway.kill(fault === 'stopped' ? 'SIGTERM' : 'SIGKILL');
  await restart(index);
}

async function whole(target: StreamTarget): Promise<number> {
  try {
    const { statusCode, body } = await send(
      target,
      { everyMs: 0, tokens: 1 },
      false,
      AbortSignal.timeout(attemptMs),
    );
    await body.text();
    return statusCode;
  } catch {
    return 0;
  }
}

async function stream(target: StreamTarget): Promise<'whole' | 'toldWhy' | 'cut' | null> {
  let text = '';
  try {
    const { statusCode, body } = await send(
      target,
      { everyMs: 200, tokens: 10 },
      true,
      AbortSignal.timeout(60_000),
    );
    if (statusCode !== 200) return null;
    for await (const bytes of body as AsyncIterable<Buffer>) text += bytes.toString();
  } catch {
    if (text === '') return null;
  }
  return text.includes('[DONE]') ? 'whole' : text.includes('"error"') ? 'toldWhy' : 'cut';
}

function send(
  { host, port, authorization, model }: StreamTarget,
  pace: { everyMs: number; tokens: number },
  streams: boolean,
  signal: AbortSignal,
) {
  return request(`http://${host}:${port}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      stream: streams,
      messages: [{ role: 'user', content: question(pace) }],
    }),
    signal,
  });
}

import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { LoadFigures, LoadPlan } from '../load-generator';
import { rounded } from '../figures';
import { question, type StreamTarget } from './plan';
import type { Rig } from './rig';

export interface CompletionFigures {
  readonly connections: number;
  readonly gateway: CompletionRate;
  /** The same load without a gateway, to show the limit of the load generator. */
  readonly straight: CompletionRate;
  readonly gatewayPerDay: number;
}

interface CompletionRate {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p97Ms: number;
  readonly failures: number;
}

const connections = 16;
const seconds = 15;

/** Whole answers at the highest rate, over all gateways at once. */
export async function completionsASecond({ targets, straight }: Rig): Promise<CompletionFigures> {
  const bare = await rate(straight);
  const gateway = await rate(targets());
  return {
    connections,
    gateway,
    straight: bare,
    gatewayPerDay: Math.round(gateway.perSecond * 86_400),
  };
}

async function rate(targets: readonly StreamTarget[]): Promise<CompletionRate> {
  const figures = await Promise.all(
    targets.map((target) => load(target, connections / targets.length)),
  );
  const most = (read: (each: LoadFigures) => number) => Math.max(...figures.map(read));
  return {
    perSecond: Math.round(
      figures.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0),
    ),
    p50Ms: rounded(
      most(({ p50Ms }) => p50Ms),
      2,
    ),
    p97Ms: rounded(
      most(({ p97Ms }) => p97Ms),
      2,
    ),
    failures: figures.reduce((sum, { failures }) => sum + failures, 0),
  };
}

async function load(
  { host, port, authorization, model }: StreamTarget,
  share: number,
): Promise<LoadFigures> {
  const plan: LoadPlan = {
    origin: `http://${host}:${port}`,
    path: '/v1/chat/completions',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content: question({ everyMs: 0, tokens: 1 }) }],
    }),
    connections: share,
    warmUpSeconds: 3,
    seconds,
  };
  const child = spawn(
    process.execPath,
    ['-r', 'tsx/cjs', join(__dirname, '..', 'load-generator.ts'), JSON.stringify(plan)],
    {
      cwd: resolve(__dirname, '..', '..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
  const code = await new Promise((done, fail) => child.once('error', fail).once('close', done));
  if (code !== 0) throw new Error(`the load on ${plan.origin} ended with ${String(code)}`);
  return JSON.parse(text) as LoadFigures;
}

/**
 * Inference through the real gateway (keys, checks, routing, prediction log in PostgreSQL) beside a
 * bare fastify + onnxruntime server with the same graph and the same body.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { sha256 } from '../../data/digest';
import type { Column } from '../../domain/dataset/dataset';
import { defaultTenant as tenant } from '../../domain/ids';
import type { FeatureColumn, ModelManifest, ModelVersionRef } from '../../domain/model/model';
import { openDeathWatch } from '../../infra/death-watch';
import type { ServingWorld } from '../../test/support/serving/serving-world';
import { openEmbeddedWorld } from '../embedded-world';
import type { LoadFigures, LoadPlan } from '../load-generator';

const root = resolve(__dirname, '..', '..');
const numbers = Array.from({ length: 8 }, (_, index) => `n${index}`);
const texts = Array.from({ length: 4 }, (_, index) => `t${index}`);
const rounds = 5;

interface InferenceContender {
  readonly name: string;
  readonly figures: LoadFigures[];
  readonly plan: LoadPlan;
}

export interface InferenceFigures {
  readonly connections: number;
  readonly bare: Figures;
  readonly gateway: Figures;
  readonly gatewayWithFeatureSql: Figures;
  /**
   * Requests per second of the gateway without feature SQL, as a share of the bare server. It is
   * the median of the rounds, because the load is similar within a round.
   */
  readonly share: number;
  /** A dropped prediction would make the answer cheaper. */
  readonly predictionsDropped: number;
}

interface Figures {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p97Ms: number;
  readonly failures: number;
}

export async function benchInference({
  seconds = 3,
  connections = 16,
}: { readonly seconds?: number; readonly connections?: number } = {}): Promise<InferenceFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const watch = openDeathWatch();
  const children: ChildProcess[] = [];
  const closers: (() => Promise<void>)[] = [];
  try {
    const graphFile = join(folder, 'graph.onnx');
    await run(join(root, '.perennial', 'python', 'bin', 'python'), [
      join(__dirname, 'inference_graph.py'),
      graphFile,
    ]);
    const world = await openEmbeddedWorld(folder, watch, closers);
    const graph = readFileSync(graphFile);
    const plain = await register(world, 'plain', graph, [...numbers, ...texts].join(', '));
    const computed = await register(
      world,
      'computed',
      graph,
      [
        ...numbers.map((name) => `abs(${name}) AS ${name}`),
        ...texts.map((name) => `lower(${name}) AS ${name}`),
      ].join(', '),
    );
    await world.promote(plain);
    await world.promote(computed);
    const gateway = await world.startGateway(folder);
    closers.push(() => gateway.stop());
    const bare = startTyped('bench/inference/bare.ts', [graphFile]);
    children.push(bare);
    const bareUrl = (await firstLine(bare)).trim();

    const body = JSON.stringify(requestBody());
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${world.keys.viewer}`,
    };
    const plan = (origin: string, model: string): LoadPlan => ({
      origin,
      path: `/v2/models/${model}/infer`,
      headers,
      body,
      connections,
      warmUpSeconds: 1,
      seconds,
    });
    const contenders: InferenceContender[] = [
      { name: 'bare fastify + onnxruntime', plan: plan(bareUrl, 'bench'), figures: [] },
      { name: 'gateway', plan: plan(gateway.url, 'plain'), figures: [] },
      { name: 'gateway, features by SQL', plan: plan(gateway.url, 'computed'), figures: [] },
    ];
    // In turns, so that other load affects all equally.
    for (let round = 0; round < rounds; round += 1) {
      for (const contender of contenders) contender.figures.push(await measure(contender.plan));
    }
    return {
      ...summary(contenders, connections),
      predictionsDropped: await droppedPredictions(gateway.url),
    };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    for (const close of closers.reverse()) await close();
    await watch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function register(
  world: ServingWorld,
  model: string,
  graph: Uint8Array,
  select: string,
): Promise<ModelVersionRef> {
  const put = (bytes: Uint8Array) =>
    world.artifacts.putBytes({ tenant, bytes, mediaType: 'application/octet-stream' });
  const request: Column[] = [
    ...numbers.map((name): Column => ({ name, type: 'number' })),
    ...texts.map((name): Column => ({ name, type: 'string' })),
  ];
  const features = request.map(({ name, type }): FeatureColumn => ({
    name,
    type: type === 'number' ? 'float' : 'string',
  }));
  const manifest: ModelManifest = {
    model,
    signature: {
      task: 'classification',
      request,
      features,
      output: 'score',
      entity: null,
      time: null,
    },
    onnx: await put(graph),
    featuresSql: await put(Buffer.from(`SELECT ${select} FROM request`)),
    trainer: { name: 'bench', codeDigest: sha256('bench'), params: {}, seed: 1 },
    trainingData: sha256('bench'),
  };
  return world.registerManifest(await world.artifacts.putJson({ tenant, value: manifest }));
}

function requestBody(): unknown {
  const tensor = (name: string, datatype: string, value: unknown) => ({
    name,
    datatype,
    shape: [1, 1],
    data: [value],
  });
  return {
    inputs: [
      ...numbers.map((name, index) => tensor(name, 'FP64', index + 0.5)),
      ...texts.map((name, index) => tensor(name, 'BYTES', `v${index}`)),
    ],
  };
}

async function measure(plan: LoadPlan): Promise<LoadFigures> {
  const generator = startTyped('bench/load-generator.ts', [JSON.stringify(plan)]);
  return JSON.parse(await output(generator)) as LoadFigures;
}

function startTyped(file: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['-r', 'tsx/cjs', file, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function run(command: string, args: readonly string[]): Promise<void> {
  await output(spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
}

async function output(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', done);
  });
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} ended with ${code ?? 'a signal'}`);
  return text;
}

async function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    child.stdout?.once('data', (chunk: Buffer) => done(chunk.toString()));
    child.once('exit', (code) =>
      fail(new Error(`${child.spawnargs.join(' ')} ended with ${code ?? 'a signal'}`)),
    );
  });
}

/** The median round, by rate. */
function middle({ figures }: InferenceContender): Figures {
  const sorted = [...figures].sort((a, b) => a.requestsPerSecond - b.requestsPerSecond);
  const { requestsPerSecond, p50Ms, p97Ms } = sorted[Math.floor(sorted.length / 2)] as LoadFigures;
  const failures = figures.reduce((sum, each) => sum + each.failures, 0);
  return {
    requestsPerSecond: Math.round(requestsPerSecond),
    p50Ms: round(p50Ms),
    p97Ms: round(p97Ms),
    failures,
  };
}

function summary(
  contenders: readonly InferenceContender[],
  connections: number,
): Omit<InferenceFigures, 'predictionsDropped'> {
  const [bare, gateway, gatewayWithFeatureSql] = contenders.map(middle) as [
    Figures,
    Figures,
    Figures,
  ];
  const [bareRounds = [], gatewayRounds = []] = contenders.map(({ figures }) =>
    figures.map(({ requestsPerSecond }) => requestsPerSecond),
  );
  const shares = gatewayRounds
    .map((rate, index) => rate / (bareRounds[index] ?? NaN))
    .sort((a, b) => a - b);
  return {
    connections,
    bare,
    gateway,
    gatewayWithFeatureSql,
    share: round(shares[Math.floor(shares.length / 2)] ?? NaN),
  };
}

async function droppedPredictions(gateway: string): Promise<number> {
  const text = await (await fetch(`${gateway}/metrics`)).text();
  const counts = text.matchAll(/^perennial_gateway_predictions_dropped_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function inferenceTable(figures: InferenceFigures): string {
  const line = (name: string, { requestsPerSecond, p50Ms, p97Ms, failures }: Figures): string =>
    [
      name.padEnd(28),
      String(requestsPerSecond).padStart(10),
      p50Ms.toFixed(2).padStart(9),
      p97Ms.toFixed(2).padStart(9),
      String(failures).padStart(9),
    ].join('');
  return [
    `one row per request, ${figures.connections} connections, 100 trees over 12 columns, middle of ${rounds} rounds; load of the machine ${(loadavg()[0] ?? 0).toFixed(1)}`,
    `${''.padEnd(28)}${'requests/s'.padStart(10)}${'p50 ms'.padStart(9)}${'p97 ms'.padStart(9)}${'failures'.padStart(9)}`,
    line('bare fastify + onnxruntime', figures.bare),
    line('gateway', figures.gateway),
    line('gateway, features by SQL', figures.gatewayWithFeatureSql),
    `the gateway does ${Math.round(figures.share * 100)} % of the bare server's rate; ${figures.predictionsDropped} predictions dropped`,
  ].join('\n');
}

if (require.main === module) {
  benchInference().then(
    (figures) =>
      process.stdout.write(
        `${inferenceTable(figures)}\n${JSON.stringify({ inference: figures })}\n`,
      ),
    (error: unknown) => {
      process.stderr.write(
        `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      );
      process.exitCode = 1;
    },
  );
}

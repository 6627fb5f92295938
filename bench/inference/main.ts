/**
 * Inference through the real gateway (keys, checks, routing, prediction log in PostgreSQL) beside a
 * bare fastify + onnxruntime server with the same graph and the same body.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDeathWatch } from '../../infra/death-watch';
import { openEmbeddedWorld } from '../embedded-world';
import { median, rounded } from '../figures';
import type { LoadFigures, LoadPlan } from '../load-generator';
import { processorSeconds } from '../processor-seconds';
import {
  bundleServices,
  featureLists,
  output,
  registerGraph,
  requestBody,
  startBare,
  startTyped,
  writeGraph,
} from './rig';

const warmUpSeconds = 1;

interface InferenceContender {
  readonly name: string;
  readonly pid: number;
  readonly rounds: LoadRound[];
  readonly plan: LoadPlan;
}

interface LoadRound extends LoadFigures {
  /** Processor time of the server for one request, warm-up included. */
  readonly processorMicroseconds: number;
}

export interface InferenceFigures {
  readonly connections: number;
  readonly bare: Figures;
  readonly gateway: Figures;
  readonly gatewayWithFeatureSql: Figures;
  /** Share of the gateway without feature SQL. */
  readonly share: BareShares;
  readonly shareWithFeatureSql: BareShares;
  /** A dropped prediction would make the answer cheaper. */
  readonly predictionsDropped: number;
}

/** Medians of the rounds, because the load of the machine is similar within a round. */
interface BareShares {
  /** Requests per second as a share of those of the bare server. */
  readonly rate: number;
  /** The bare server's processor time for a request as a share of the gateway's. */
  readonly processor: number;
}

interface Figures {
  readonly requestsPerSecond: number;
  readonly processorMicroseconds: number;
  readonly p50Ms: number;
  readonly p97Ms: number;
  readonly failures: number;
}

export async function benchInference({
  seconds = 3,
  rounds = 6,
  connections = 16,
}: {
  readonly seconds?: number;
  readonly rounds?: number;
  readonly connections?: number;
} = {}): Promise<InferenceFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const watch = openDeathWatch();
  const closers: (() => Promise<void>)[] = [];
  try {
    const graphFile = await writeGraph(folder);
    await bundleServices();
    const world = await openEmbeddedWorld(folder, watch, closers);
    for (const name of ['plain', 'computed'] as const)
      await world.promote(await registerGraph(world, name, graphFile, featureLists[name]));
    const gateway = await world.startGateway(folder);
    closers.push(() => gateway.stop());
    const bare = await startBare(graphFile);
    closers.push(() => Promise.resolve(void bare.child.kill('SIGKILL')));

    const body = requestBody();
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
      warmUpSeconds,
      seconds,
    });
    const { pid } = gateway;
    const contenders: InferenceContender[] = [
      {
        name: 'bare fastify + onnxruntime',
        pid: bare.child.pid ?? 0,
        plan: plan(bare.url, 'bench'),
        rounds: [],
      },
      { name: 'gateway', pid, plan: plan(gateway.url, 'plain'), rounds: [] },
      { name: 'gateway, features by SQL', pid, plan: plan(gateway.url, 'computed'), rounds: [] },
    ];
    // In turns, so that other load affects all equally. Another one begins each round, because the
    // place in a round changes the time by up to a tenth.
    for (let round = 0; round < rounds; round += 1) {
      const first = round % contenders.length;
      for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)])
        contender.rounds.push(await measure(contender));
    }
    return {
      ...summary(contenders, connections),
      predictionsDropped: await droppedPredictions(gateway.url),
    };
  } finally {
    for (const close of closers.reverse()) await close();
    await watch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure({ plan, pid }: InferenceContender): Promise<LoadRound> {
  const before = processorSeconds(pid);
  const generator = startTyped('bench/load-generator.ts', [JSON.stringify(plan)]);
  const figures = JSON.parse(await output(generator)) as LoadFigures;
  const requests = figures.requestsPerSecond * (plan.warmUpSeconds + plan.seconds);
  const processorMicroseconds = ((processorSeconds(pid) - before) / requests) * 1e6;
  return { ...figures, processorMicroseconds };
}

function summarizeRounds({ rounds }: InferenceContender): Figures {
  const middle = (read: (round: LoadRound) => number) => median(rounds.map(read));
  return {
    requestsPerSecond: Math.round(middle((round) => round.requestsPerSecond)),
    processorMicroseconds: Math.round(middle((round) => round.processorMicroseconds)),
    p50Ms: rounded(
      middle((round) => round.p50Ms),
      2,
    ),
    p97Ms: rounded(
      middle((round) => round.p97Ms),
      2,
    ),
    failures: rounds.reduce((sum, round) => sum + round.failures, 0),
  };
}

function computeShares(bare: InferenceContender, contender: InferenceContender): BareShares {
  const middle = (share: (own: LoadRound, bare: LoadRound) => number) =>
    rounded(
      median(contender.rounds.map((round, index) => share(round, bare.rounds[index] ?? round))),
      2,
    );
  return {
    rate: middle((own, base) => own.requestsPerSecond / base.requestsPerSecond),
    processor: middle((own, base) => base.processorMicroseconds / own.processorMicroseconds),
  };
}

function summary(
  contenders: readonly InferenceContender[],
  connections: number,
): Omit<InferenceFigures, 'predictionsDropped'> {
  const [bare, gateway, withSql] = contenders as [
    InferenceContender,
    InferenceContender,
    InferenceContender,
  ];
  return {
    connections,
    bare: summarizeRounds(bare),
    gateway: summarizeRounds(gateway),
    gatewayWithFeatureSql: summarizeRounds(withSql),
    share: computeShares(bare, gateway),
    shareWithFeatureSql: computeShares(bare, withSql),
  };
}

async function droppedPredictions(gateway: string): Promise<number> {
  const text = await (await fetch(`${gateway}/metrics`)).text();
  const counts = text.matchAll(/^perennial_gateway_predictions_dropped_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

export function inferenceTable(figures: InferenceFigures): string {
  const line = (name: string, of: Figures, shares?: BareShares): string =>
    [
      name.padEnd(28),
      String(of.requestsPerSecond).padStart(10),
      String(of.processorMicroseconds).padStart(12),
      of.p50Ms.toFixed(2).padStart(9),
      of.p97Ms.toFixed(2).padStart(9),
      String(of.failures).padStart(9),
      shares === undefined ? '' : `   ${shares.rate.toFixed(2)}, ${shares.processor.toFixed(2)}`,
    ].join('');
  return [
    `one row per request, ${figures.connections} connections, 100 trees over 12 columns, medians of the rounds; load of the machine ${(loadavg()[0] ?? 0).toFixed(1)}`,
    `${''.padEnd(28)}${'requests/s'.padStart(10)}${'CPU µs each'.padStart(12)}${'p50 ms'.padStart(9)}${'p97 ms'.padStart(9)}${'failures'.padStart(9)}   share by rate, by CPU`,
    line('bare fastify + onnxruntime', figures.bare),
    line('gateway', figures.gateway, figures.share),
    line('gateway, features by SQL', figures.gatewayWithFeatureSql, figures.shareWithFeatureSql),
    `${figures.predictionsDropped} predictions dropped`,
  ].join('\n');
}

if (require.main === module) {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '6' },
      seconds: { type: 'string', default: '3' },
    },
  });
  benchInference({ rounds: Number(values.rounds), seconds: Number(values.seconds) }).then(
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

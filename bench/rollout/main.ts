/**
 * 200 rollbacks of rollouts and 200 of champions under load with two real gateways and a PostgreSQL
 * that syncs, where each answer is compared with the version that it names. Then simulates how
 * often the statistics of a rollout are wrong and how soon they decide.
 */
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { defaultTenant as tenant } from '../../domain/ids';
import type { ModelVersionRef } from '../../domain/model/model';
import { openDeathWatch } from '../../infra/death-watch';
import { distanceModel, distanceRequest } from '../../test/support/serving/served-models';
import type { ServingWorld } from '../../test/support/serving/serving-world';
import { openEmbeddedWorld } from '../embedded-world';
import { quantile, report, rounded } from '../figures';
import type { RolloutLoadFigures } from './load';
import { ended, startLoad, told } from './load-process';
import { rolloutStatistics, type RolloutStatistics } from './statistics';

const model = 'flight-delay';
const [champion, challenger] = [1, 2];
const by = { actor: 'bench', cause: 'bench' };
const connections = 4;
/**
 * Longer than any request. A later answer of the challenger would be from a gateway that missed the
 * rollback.
 */
const quietMs = 60;

interface Rollback {
  /** From the request to end until every live gateway had confirmed. */
  readonly confirmedSeconds: number;
  /** Until the load received the challenger's last answer; 0 if that was earlier. */
  readonly lastAnswerSeconds: number;
}

interface LoadedRollbacks {
  /** Rollbacks of rollouts, as after the verdict of a canary. */
  readonly rollbacks: readonly Rollback[];
  /** Rollbacks of champions, as by a monitor. */
  readonly fallbacks: readonly Rollback[];
  readonly load: RolloutLoadFigures;
}

async function rollBackUnderLoad(rounds: number): Promise<LoadedRollbacks> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const watch = openDeathWatch();
  const closers: (() => Promise<void>)[] = [];
  try {
    const world = await openEmbeddedWorld(folder, watch, closers);
    await world.promote(await world.register(distanceModel(champion)));
    const candidate = await world.register(distanceModel(challenger));
    const gateways = await Promise.all(
      ['a', 'b'].map((name) => world.startGateway(join(folder, name))),
    );
    closers.push(async () => {
      await Promise.all(gateways.map((gateway) => gateway.stop()));
    });
    const load = startLoad({
      origins: gateways.map(({ url }) => url),
      path: `/v2/models/${model}/infer`,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${world.keys.viewer}` },
      inputs: distanceRequest([{ carrier: null, distance: 0 }]).inputs,
      connections,
    });
    closers.push(() => ended(load));
    const repeated = async (what: string, once: () => Promise<Rollback>) => {
      const done: Rollback[] = [];
      while (done.length < rounds) {
        done.push(await once());
        if (done.length % 20 === 0)
          process.stderr.write(`${done.length} of ${rounds} rollbacks of ${what}\n`);
      }
      return done;
    };
    const rollbacks = await repeated('rollouts', () => rollBackOnce(world, load, candidate));
    const fallbacks = await repeated('champions', () => fallBackOnce(world, load, candidate));
    return { rollbacks, fallbacks, load: await told(load, 'end') };
  } finally {
    for (const close of closers.reverse()) await close();
    await watch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Shadow, then half of the entities, then rollback, under continuous load. */
async function rollBackOnce(
  world: ServingWorld,
  load: ChildProcess,
  candidate: ModelVersionRef,
): Promise<Rollback> {
  const { rollouts } = world.registry;
  const { id, epoch } = await world.openRollout(candidate);
  await confirmed(world, epoch);
  const step = await rollouts.setStep({ tenant, id, step: 3, weight: 0.5, ...by });
  if (step.kind === 'ended') throw new Error(`rollout ${id} ended unexpectedly`);
  await confirmed(world, step.epoch);
  return timed(world, load, async () => {
    const end = await rollouts.end({
      tenant,
      id,
      status: 'rolledBack',
      verdict: null,
      decisionId: null,
      ...by,
    });
    return end.epoch;
  });
}

/** The candidate becomes champion, and the former champion takes its place again. */
async function fallBackOnce(
  world: ServingWorld,
  load: ChildProcess,
  candidate: ModelVersionRef,
): Promise<Rollback> {
  const { aliases, routing } = world.registry;
  await world.promote(candidate);
  await confirmed(world, (await routing.table()).epoch);
  return timed(world, load, async () => {
    await aliases.rollback({ tenant, model, idempotencyKey: randomUUID(), ...by });
    return (await routing.table()).epoch;
  });
}

/** Waits until the candidate answers, then rolls it back. `rollBack` returns the new epoch. */
async function timed(
  world: ServingWorld,
  load: ChildProcess,
  rollBack: () => Promise<number>,
): Promise<Rollback> {
  const onTraffic = Date.now();
  while (((await told(load, 'figures')).lastAt[challenger] ?? 0) <= onTraffic) await pause(20);

  const foundAt = Date.now();
  await confirmed(world, await rollBack());
  const confirmedAt = Date.now();
  await pause(quietMs);
  const last = (await told(load, 'figures')).lastAt[challenger] ?? 0;
  return {
    confirmedSeconds: (confirmedAt - foundAt) / 1000,
    lastAnswerSeconds: Math.max(0, last - foundAt) / 1000,
  };
}

async function confirmed({ registry }: ServingWorld, epoch: number): Promise<void> {
  for (const until = Date.now() + 30_000; ;) {
    const live = await registry.gateways.live();
    if (live.length === 2 && live.every((gateway) => gateway.epoch >= epoch)) return;
    if (Date.now() > until)
      throw new Error(`epoch ${epoch} is not confirmed: ${JSON.stringify(live)}`);
    await pause(2);
  }
}

function summarizeSeconds(rollbacks: readonly Rollback[]) {
  const of = (read: (each: Rollback) => number) => {
    const values = rollbacks.map(read);
    return { p50: quantile(values, 0.5), p99: quantile(values, 0.99), max: Math.max(...values) };
  };
  return {
    secondsToFullTraffic: of((each) => each.confirmedSeconds),
    secondsToLastAnswer: of((each) => each.lastAnswerSeconds),
  };
}

function tell(
  { rollbacks, fallbacks, load }: LoadedRollbacks,
  statistics: RolloutStatistics,
): void {
  const { requests, seconds, failed, mixed } = load;
  const [ofRollouts, ofChampions] = [summarizeSeconds(rollbacks), summarizeSeconds(fallbacks)];
  const text = ({ p50, p99, max }: typeof ofRollouts.secondsToFullTraffic) =>
    `p50 ${p50.toFixed(3)}   p99 ${p99.toFixed(3)}   max ${max.toFixed(3)}`;
  const requestsPerSecond = Math.round(requests / seconds);
  report(
    'rollout',
    [
      [
        'rollbacks under load',
        `${rollbacks.length} of rollouts, ${fallbacks.length} of champions, two gateways, ${connections} connections each`,
      ],
      ['rollout: seconds until all live gateways confirmed', text(ofRollouts.secondsToFullTraffic)],
      ["rollout: seconds until the challenger's last answer", text(ofRollouts.secondsToLastAnswer)],
      [
        'champion: seconds until all live gateways confirmed',
        text(ofChampions.secondsToFullTraffic),
      ],
      ['champion: seconds until its last answer', text(ofChampions.secondsToLastAnswer)],
      [
        'requests',
        `${requests}, ${requestsPerSecond} a second; load of the machine ${(loadavg()[0] ?? 0).toFixed(1)}`,
      ],
      ['failed requests', String(failed)],
      ['mixed answers', String(mixed)],
    ],
    {
      rollbacks: rollbacks.length,
      ...ofRollouts,
      ofChampions,
      requests,
      requestsPerSecond,
      failed,
      mixed,
      minutes: rounded(seconds / 60),
      statistics,
    },
  );
}

const { values } = parseArgs({
  options: {
    rollbacks: { type: 'string', default: '200' },
    worlds: { type: 'string', default: '1000' },
  },
});

async function main(): Promise<void> {
  const loaded = await rollBackUnderLoad(Number(values.rollbacks));
  const statistics = rolloutStatistics({
    worlds: Number(values.worlds),
    say: (line) => void process.stdout.write(`${line}\n`),
  });
  tell(loaded, statistics);
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});

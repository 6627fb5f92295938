import { setTimeout as pause } from 'node:timers/promises';
import { distanceModel, distanceRequest } from '../../test/support/serving/served-models';
import type { ServingWorld } from '../../test/support/serving/serving-world';
import { quantile, rounded } from '../figures';
import { ended, startLoad, told } from '../rollout/load-process';

/** Longer than any request; a later answer would be from a process that missed the swap. */
const quietMs = 60;
const connections = 8;
const model = 'flight-delay';

/**
 * Moves the champion between two versions under load. Each version returns its number as the score,
 * so an answer whose header, body and score differ is mixed.
 */
export async function swapUnderLoad(
  world: ServingWorld,
  url: string,
  { swaps, processes }: { readonly swaps: number; readonly processes: number },
) {
  const versions = [
    await world.register(distanceModel(1)),
    await world.register(distanceModel(2)),
  ] as const;
  const unserved = await readEpoch(world);
  await world.promote(versions[0]);
  await confirmed(world, processes, unserved + 1);
  const load = startLoad({
    origins: [url],
    path: `/v2/models/${model}/infer`,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${world.keys.viewer}` },
    inputs: distanceRequest([{ carrier: null, distance: 0 }]).inputs,
    connections,
  });
  try {
    const [confirmedSeconds, lastSeconds]: [number[], number[]] = [[], []];
    while (((await told(load, 'figures')).lastAt[1] ?? 0) === 0) await pause(20);
    for (let swap = 1; swap <= swaps; swap += 1) {
      const [next, before] =
        swap % 2 === 1 ? [versions[1], versions[0]] : [versions[0], versions[1]];
      const epoch = await readEpoch(world);
      const decidedAt = Date.now();
      await world.promote(next);
      await confirmed(world, processes, epoch + 1);
      confirmedSeconds.push((Date.now() - decidedAt) / 1000);
      await pause(quietMs);
      const last = (await told(load, 'figures')).lastAt[before.version] ?? 0;
      lastSeconds.push(Math.max(0, last - decidedAt) / 1000);
      if (swap % 100 === 0) process.stderr.write(`${swap} of ${swaps} swaps\n`);
    }
    const { requests, seconds, failed, mixed } = await told(load, 'end');
    const of = (values: readonly number[]) => ({
      p50: quantile(values, 0.5),
      p99: quantile(values, 0.99),
      max: Math.max(...values),
    });
    const [untilConfirmed, untilLast] = [of(confirmedSeconds), of(lastSeconds)];
    const requestsPerSecond = Math.round(requests / seconds);
    const text = (each: typeof untilLast) =>
      `p50 ${each.p50.toFixed(3)}   p99 ${each.p99.toFixed(3)}   max ${each.max.toFixed(3)}`;
    return {
      lines: [
        ['swaps of the champion', `${swaps} under ${requestsPerSecond} requests a second`],
        ['seconds until all processes confirmed', text(untilConfirmed)],
        ["seconds until the old champion's last answer", text(untilLast)],
        ['requests, failed, mixed', `${requests}, ${failed}, ${mixed}`],
      ] as const,
      figures: {
        swaps,
        requests,
        requestsPerSecond,
        failed,
        mixed,
        untilConfirmed,
        untilLast,
        minutes: rounded(seconds / 60),
      },
    };
  } finally {
    await ended(load);
  }
}

async function readEpoch({ registry }: ServingWorld): Promise<number> {
  return Math.max(...(await registry.gateways.live()).map(({ epoch }) => epoch));
}

async function confirmed(
  { registry }: ServingWorld,
  processes: number,
  epoch: number,
): Promise<void> {
  for (const end = Date.now() + 30_000; ;) {
    const live = await registry.gateways.live();
    if (live.length === processes && live.every((each) => each.epoch >= epoch)) return;
    if (Date.now() > end) throw new Error(`epoch ${epoch} is not confirmed`);
    await pause(2);
  }
}

/**
 * Streams through real gateways: how much later a token arrives than directly from the upstream,
 * with thousands of open answers. The upstream writes the time into each token. Clients read some
 * streams through the gateways and some directly, in the same minute. Then whole answers per
 * second, and availability under faults.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { report } from '../figures';
import { completionsASecond } from './completions';
import { checkFileLimit } from './limits';
import type { Pace } from './plan';
import { measurePoint, type PointFigures } from './point';
import { withRig, type Rig } from './rig';
import { completionRows, pointRows, uptimeRows } from './table';
import { measureUptime } from './uptime';

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '15000' },
    gateways: { type: 'string', default: '2' },
    clients: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '60' },
    only: { type: 'string', default: 'whole,slow,fast,knee,uptime' },
  },
});
const size = { gateways: Number(values.gateways), clients: Number(values.clients) };
const streams = Number(values.streams);
const seconds = Number(values.seconds);
const parts = values.only.split(',');

/** The reading speed of people, and the speed of a small model on a good machine. */
const slow: Pace = { everyMs: 2000, tokens: 30 };
const fast: Pace = { everyMs: 100, tokens: 100 };
/** One direct stream for each twenty streams through a gateway. */
const straightShare = 1 / 20;
const kneeFrom = [1500, 2000, 2500, 3000, 4000, 5000, 6000, 8000];

type Row = readonly [string, string];

async function main(): Promise<void> {
  const straight = (count: number) => Math.ceil(count * straightShare);
  checkFileLimit({ ...size, streams, straight: straight(streams) });
  const rows: Row[] = [['load of the machine before', (loadavg()[0] ?? 0).toFixed(1)]];
  const figures: Record<string, unknown> = {};
  const tell = (name: string, more: readonly Row[], value: unknown): void => {
    rows.push(...more);
    figures[name] = value;
    process.stderr.write(`${name} ${JSON.stringify(value)}\n`);
  };
  let isFirst = true;
  const point = async (
    rig: Rig,
    pace: Pace,
    count: number,
    windowSeconds: number,
  ): Promise<PointFigures> => {
    const rampSeconds = (pace.everyMs * pace.tokens) / 1000;
    const measured = await measurePoint(rig, {
      ...pace,
      streams: count,
      straight: straight(count),
      rampSeconds,
      windowSeconds,
      isFirst,
    });
    isFirst = false;
    await pause(3000);
    return measured;
  };

  await withRig(size, async (rig) => {
    if (parts.includes('whole')) {
      const whole = await completionsASecond(rig);
      tell('whole', completionRows(whole), whole);
    }
    if (parts.includes('slow')) {
      const measured = await point(rig, slow, streams, seconds);
      tell('slow', pointRows(measured), measured);
    }
    if (parts.includes('fast')) {
      const measured = await point(rig, fast, 1000, seconds / 2);
      tell('fast', pointRows(measured), measured);
    }
    if (parts.includes('knee')) {
      for (const count of kneeFrom) {
        const measured = await point(rig, fast, count, seconds / 4);
        tell(`knee${count}`, pointRows(measured), measured);
        if (!measured.holds) break;
      }
    }
    if (parts.includes('uptime')) {
      const uptime = await measureUptime(rig, 2 * seconds);
      tell('uptime', uptimeRows(uptime), uptime);
    }
  });
  report('streams', rows, figures);
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});

#!/usr/bin/env node
/**
 * `npm run test:shards`: gives new units a row in shards.json, and removes units that are gone.
 * With `--measured` it takes over the seconds of the last runs in this clone, which must have been
 * on two quiet cores. With `--balance` every unit gets its shard anew, so that the shards take about
 * as long as each other.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../provision.mjs';
import { readRecords } from './records.mjs';
import { drawShard, estimateSeconds, readTable, shardCount } from './shards.mjs';
import { isEssential, listUnits } from './tiers.mjs';

/**
 * Tiers that first install something stay together in few shards. The seconds are what that takes
 * on a machine that has nothing yet; they are estimates.
 */
const groups = {
  llm: { shards: 3, setUpSeconds: 240 },
  clients: { shards: 1, setUpSeconds: 120 },
  engines: { shards: 1, setUpSeconds: 150 },
  machines: { shards: 1, setUpSeconds: 20 },
};

const { values: flags } = parseArgs({
  options: {
    balance: { type: 'boolean', default: false },
    measured: { type: 'boolean', default: false },
  },
});
const table = readTable(root);
const measured = flags.measured ? readMeasured() : new Map();
const units = listUnits(root)
  .filter((unit) => !isEssential(unit))
  .map((unit) => {
    const seconds = measured.get(unit.id) ?? table[unit.id]?.seconds;
    return { ...unit, ...(seconds !== undefined && { seconds: Math.round(seconds) }) };
  });
const shards = flags.balance ? divide(units) : new Map();
const lines = units.map(({ id, seconds }) => {
  const shard = shards.get(id) ?? table[id]?.shard ?? drawShard(id);
  const measurement = seconds === undefined ? '' : `, "seconds": ${seconds}`;
  return `  ${JSON.stringify(id)}: { "shard": ${shard}${measurement} }`;
});
writeFileSync(join(root, 'bin', 'ci', 'shards.json'), `{\n${lines.join(',\n')}\n}\n`);

/** The last seconds of each unit that passed. */
function readMeasured() {
  const passed = readRecords().filter(({ failed }) => failed === 0);
  return new Map(passed.map(({ id, seconds }) => [id, seconds]));
}

/** The longest unit first, always into the shard with the least work. */
function divide(all) {
  const loads = Array(shardCount).fill(0);
  const chosen = new Map();
  const place = (some, among) => {
    const weighed = some.map((unit) => ({ id: unit.id, cost: estimateSeconds(unit, unit) }));
    for (const { id, cost } of weighed.toSorted((a, b) => b.cost - a.cost)) {
      const least = among.reduce((best, each) => (loads[each] < loads[best] ? each : best));
      loads[least] += cost;
      chosen.set(id, least);
    }
  };
  const everyShard = loads.map((_, index) => index);
  for (const [name, { shards: count, setUpSeconds }] of Object.entries(groups)) {
    const among = everyShard.toSorted((a, b) => loads[a] - loads[b]).slice(0, count);
    for (const each of among) loads[each] += setUpSeconds;
    place(
      all.filter(({ tier }) => tier === name),
      among,
    );
  }
  place(
    all.filter(({ tier }) => !(tier in groups)),
    everyShard,
  );
  return chosen;
}

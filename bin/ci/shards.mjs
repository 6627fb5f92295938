/**
 * Which of the units that are not essential one run of CI has. `shards.json` keeps the shard and
 * the seconds of each, so that a unit keeps its shard when others come and go.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isEssential, listUnits, tiers } from './tiers.mjs';

export const shardCount = 8;
/** Seconds assumed of a unit that has not been measured on a quiet machine. */
const defaultSeconds = {
  slow: 25,
  e2e: 75,
  web: 75,
  clients: 60,
  llm: 75,
  faults: 180,
  engines: 120,
  machines: 180,
  commands: 240,
};
/** Work that lands together has no longer pause between two of its commits. */
const pauseMinutes = 45;

/** By the id of a unit: its shard, and its seconds on two quiet cores if those are measured. */
export function readTable(root) {
  return JSON.parse(readFileSync(join(root, 'bin', 'ci', 'shards.json'), 'utf8'));
}

/** The units of one shard. A unit without a row gets a shard by its name. */
export function listShard(root, shard) {
  const table = readTable(root);
  return listUnits(root)
    .filter((unit) => !isEssential(unit))
    .filter(({ id }) => (table[id]?.shard ?? drawShard(id)) === shard);
}

export function drawShard(id) {
  return createHash('sha256').update(id).digest().readUInt32BE() % shardCount;
}

/**
 * The shard of a commit. CI keeps no state, so the history has to tell how many landings there
 * were: a landing ends with a pause. Landings with one pause between them get different shards,
 * eight in a row every shard. A pause within one landing leaves a shard out until the next turn.
 */
export function chooseShard(root) {
  const git = (args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  const times = git(['log', '--format=%ct', 'HEAD']).split('\n').map(Number);
  return countPauses(times) % shardCount;
}

/** @param times seconds, in any order */
function countPauses(times) {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted.filter((time, index) => index > 0 && time - sorted[index - 1] >= pauseMinutes * 60)
    .length;
}

/** The minutes that units take on a machine on which two files run side by side. */
export function estimateMinutes(units, table) {
  return units.reduce((sum, unit) => sum + estimateSeconds(unit, table[unit.id]), 0) / 60;
}

/** A file that runs beside others costs half of its seconds. A command uses every core. */
export function estimateSeconds({ tier }, row) {
  const seconds = row?.seconds ?? defaultSeconds[tier];
  return tier === 'commands' || tiers[tier].isAlone ? seconds : seconds / 2;
}

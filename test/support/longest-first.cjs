/**
 * The order in which jest hands test files to its processes: those that start a whole product
 * first, those of pure rules last, so that no process is left alone with a minute of work at the
 * end. Files that are known to take five minutes come before all others. Within a tier the larger
 * file first.
 */
const tiers = [
  /\.faults\.test\.ts$/,
  /\.e2e\.test\.ts$/,
  /\.web\.test\.ts$/,
  /\.llm\.test\.ts$/,
  /\.slow\.test\.ts$/,
  /\.platform\.test\.ts$/,
];

const { default: Sequencer } = require('@jest/test-sequencer');
const { statSync } = require('node:fs');
const { join, relative } = require('node:path');
const measured = require('../../bin/ci/shards.json');

const root = join(__dirname, '..', '..');
const longSeconds = 300;

module.exports = class extends Sequencer {
  sort(tests) {
    const weighed = Array.from(tests, (test) => ({
      test,
      tier: tierOf(test.path),
      bytes: statSync(test.path).size,
    }));
    return weighed
      .sort((a, b) => a.tier - b.tier || b.bytes - a.bytes || (a.test.path < b.test.path ? -1 : 1))
      .map(({ test }) => test);
  }
};

function tierOf(path) {
  if (measured[relative(root, path)]?.seconds >= longSeconds) return -1;
  const tier = tiers.findIndex((pattern) => pattern.test(path));
  return tier === -1 ? tiers.length : tier;
}

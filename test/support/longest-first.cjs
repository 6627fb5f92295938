/**
 * The order in which jest hands test files to its processes: those that start a whole product
 * first, those of pure rules last, so that no process is left alone with a minute of work at the
 * end. Within a tier the larger file first. The same on every machine: a fresh clone knows no
 * durations.
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
  const tier = tiers.findIndex((pattern) => pattern.test(path));
  return tier === -1 ? tiers.length : tier;
}

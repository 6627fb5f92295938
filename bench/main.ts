/**
 * `npm run bench -- <name> [arguments]` runs one measurement in a process of its own; without a
 * name it lists them. The first comment of each file says what it measures and which arguments it
 * takes.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '..');

const benches: Readonly<Record<string, { readonly file: string; readonly about: string }>> = {
  answers: {
    file: 'evaluation/answer-statistics.ts',
    about: 'questions that a rollout of a language application needs, and its errors',
  },
  api: { file: 'api-load.ts', about: 'response times of the API under parallel starts' },
  batch: { file: 'batch/main.ts', about: 'batch prediction beside bare onnxruntime' },
  cli: { file: 'cli.ts', about: 'start of the command line' },
  compute: { file: 'compute.ts', about: 'time per job of each compute backend' },
  consistency: { file: 'consistency/main.ts', about: 'answers of one bundle in each environment' },
  drift: { file: 'drift/main.ts', about: 'drift tests on planted shifts and in quiet years' },
  driver: { file: 'driver/main.ts', about: 'transactions when PostgreSQL ends connections' },
  evaluation: { file: 'evaluation/main.ts', about: 'cases per hour beside direct requests' },
  facts: { file: 'facts/main.ts', about: 'answers with and without retrieval' },
  'fine-tune': { file: 'fine-tune.ts', about: 'an adapter beside its base model' },
  gates: { file: 'gate-statistics.ts', about: 'errors of gates in simulated worlds' },
  'gateway-load': {
    file: 'gateway-load/main.ts',
    about: 'latency of two gateways at a fixed rate',
  },
  'gateway-models': { file: 'gateway-models.ts', about: 'a gateway with 200 models' },
  'gateway-start': { file: 'gateway-start.ts', about: 'start of a killed gateway' },
  growth: { file: 'growth/main.ts', about: 'queries on a growing registry' },
  index: { file: 'index-versions/main.ts', about: 'a growing index beside plain LanceDB' },
  'index-kinds': { file: 'index-versions/kinds.ts', about: 'each kind of vector index' },
  inference: { file: 'inference/main.ts', about: 'requests beside a bare onnxruntime server' },
  judged: { file: 'rollout/judged.ts', about: 'errors of canaries behind a judge' },
  ledger: { file: 'llm-ledger.ts', about: 'ledger of model calls under kills' },
  llm: { file: 'llm-server.ts', about: 'answers of the embedded language model' },
  map: { file: 'map/main.ts', about: 'a map beside a bare Temporal fan-out' },
  'monitored-load': { file: 'gateway-load/monitored.ts', about: 'latency while a monitor watches' },
  overhead: { file: 'overhead/main.ts', about: 'stages and runs beside plain Temporal' },
  pages: { file: 'pages/main.ts', about: 'time and bytes of the pages in Chromium' },
  'prompt-search': { file: 'prompt-search/main.ts', about: 'a search over variants of a prompt' },
  retrieval: {
    file: 'index-versions/retrieval.ts',
    about: 'how often the right document is found',
  },
  rollout: { file: 'rollout/main.ts', about: 'rollbacks under load' },
  'rollout-methods': {
    file: 'rollout/methods.ts',
    about: 'methods of a rollout at the same alpha',
  },
  safety: { file: 'safety/main.ts', about: 'safety detectors on unseen sources' },
  sizing: { file: 'sizing.ts', about: 'processor time and growth per run and prediction' },
  statistics: { file: 'rollout/statistics.ts', about: 'errors of rollouts in simulated worlds' },
  streams: { file: 'streams/main.ts', about: 'thousands of streams through gateways' },
  'training-rows': { file: 'training-rows/main.ts', about: 'lightgbm on many rows' },
  tuning: { file: 'tuning/main.ts', about: 'a study beside optuna alone' },
  'tuning-held-out': { file: 'tuning/held-out.ts', about: 'the gain of tuning on unseen months' },
  'tuning-many': { file: 'tuning/many.ts', about: 'a study of thousands of trials' },
  variance: { file: 'variance/main.ts', about: 'variance reduction on replayed flights' },
  'worker-start': { file: 'worker-start.ts', about: 'start of a killed worker' },
};

const [name, ...args] = process.argv.slice(2);
const bench = name === undefined ? undefined : benches[name];
if (bench) {
  const preloads = ['-r', join(root, 'bin', 'quiet-aws-sdk.cjs'), '-r', 'tsx/cjs'];
  const file = join(__dirname, bench.file);
  const { status } = spawnSync(process.execPath, [...preloads, file, ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} else {
  const asked = name === undefined || name === '--help';
  const list = Object.entries(benches).map(
    ([known, { about }]) => `  ${known.padEnd(16)} ${about}`,
  );
  const usage = ['npm run bench -- <name> [arguments]', '', ...list].join('\n');
  if (asked) process.stdout.write(`${usage}\n`);
  else process.stderr.write(`error: there is no bench ${name}\nnext: ${usage}\n`);
  process.exitCode = asked ? 0 : 2;
}

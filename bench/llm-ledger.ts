/**
 * Evaluates 200 variants of a prompt on 100 cases through the call ledger, on a PostgreSQL that
 * syncs as in production, and kills the process 50 times at random with SIGKILL. Checks that every
 * line of the provider's bill is in the ledger, and that the scores equal those of an uninterrupted
 * run. `--variants`, `--cases`, `--kills` and `--seed` change the size.
 */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { sha256 } from '../data/digest';
import { openDatabase } from '../db/connection';
import { migrate } from '../db/migrate';
import { createRegistry } from '../db/registry';
import { defaultTenant as tenant } from '../domain/ids';
import { seededRandom, toSeed } from '../domain/statistics/random';
import { openDeathWatch } from '../infra/death-watch';
import { findPostgres } from '../infra/embedded/binaries';
import { startPostgres } from '../infra/embedded/postgres';
import { freePorts } from '../infra/ports';
import {
  openEvaluatedProvider,
  reconcile,
  runWithKills,
} from '../test/support/language/killed-evaluation';
import { listBudgets } from '../test/support/language/ledgered-evaluation';
import { report, rounded } from './figures';

const root = resolve(__dirname, '..');
const atOnce = 16;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      variants: { type: 'string', default: '200' },
      cases: { type: 'string', default: '100' },
      kills: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
    },
  });
  const size = { variants: Number(values.variants), cases: Number(values.cases), atOnce };
  const random = seededRandom(toSeed(sha256(values.seed)));
  const thresholds = Array.from({ length: Number(values.kills) }, () =>
    Math.ceil(random() * size.variants * size.cases * 0.98),
  );
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const killed = await measure('killed', size, thresholds, 'some', closers);
    const whole = await measure('whole', size, [], 'none', closers);
    print(killed, whole);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

type LedgerMeasurement = Awaited<ReturnType<typeof measure>>;

/** In a separate database, which holds no answers. */
async function measure(
  scope: string,
  size: { readonly variants: number; readonly cases: number; readonly atOnce: number },
  thresholds: readonly number[],
  faults: 'none' | 'some',
  closers: (() => Promise<unknown>)[],
) {
  const url = await ownPostgres(closers);
  const database = openDatabase({ url });
  closers.push(() => database.close());
  await migrate(database);
  const registry = createRegistry(database);
  for (const { unit } of listBudgets(scope))
    await registry.budgets.set({ tenant, scope, unit, limit: 10 ** 12 });
  const provider = await openEvaluatedProvider(faults);
  closers.push(() => provider.close());
  const startedAt = performance.now();
  const plan = { databaseUrl: url, providerUrl: provider.url, scope, ...size };
  const run = await runWithKills(plan, provider, thresholds, (kills) => {
    process.stderr.write(
      `killed ${kills} of ${thresholds.length}, after ${provider.requests.length} requests\n`,
    );
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const budgets = await Promise.all(
    listBudgets(scope).map((ref) => registry.budgets.get({ tenant, ...ref })),
  );
  return {
    ...run,
    seconds,
    budgets,
    report: await registry.llmCalls.report({ tenant, scope }),
    ...(await reconcile(database, provider, scope)),
  };
}

async function ownPostgres(closers: (() => Promise<unknown>)[]): Promise<string> {
  const watch = openDeathWatch();
  const folder = mkdtempSync(join(tmpdir(), 'perennial-ledger-'));
  const [port = 0] = await freePorts(1);
  const postgres = await startPostgres({
    home: findPostgres({ environment: process.env, cacheDir: join(root, '.perennial', 'bin') }),
    stateDir: join(folder, 'postgres'),
    logFile: join(folder, 'postgres.log'),
    port,
    user: 'perennial',
    password: 'bench',
    database: 'perennial',
    durability: 'on',
    guard: watch,
  });
  closers.push(async () => {
    await postgres.stop();
    await watch.close();
    await rm(folder, { recursive: true, force: true });
  });
  return postgres.url('perennial');
}

function print(killed: LedgerMeasurement, whole: LedgerMeasurement): void {
  const { bill, attempts, matched, reported, wrong, budgets } = killed;
  const sameScores = JSON.stringify(killed.result.scores) === JSON.stringify(whole.result.scores);
  const { lost = 0, broken = 0, refused = 0 } = attempts;
  const isSettled = budgets.every((budget) => budget?.reserved === 0);
  const tokensSpent = budgets.find((budget) => budget?.unit === 'tokens')?.spent ?? 0;
  const { usage, unsettled } = killed.report;
  const tokensExpected =
    usage.promptTokens +
    usage.completionTokens +
    unsettled.usage.promptTokens +
    unsettled.usage.completionTokens;
  const callsPerSecond = whole.result.asked / whole.seconds;
  report(
    'Call ledger',
    [
      ['calls', `${killed.result.asked}, ${atOnce} at once`],
      ['kills (SIGKILL)', `${killed.kills}`],
      ['lines on the provider’s bill', `${bill.lines}`],
      ['of these, answered in the ledger with equal tokens', `${matched}`],
      ['of these, reported as lost or broken', `${reported}`],
      ['unreported differences', `${wrong.length}`],
      ['attempts lost in flight at a kill', `${lost} (at most ${killed.kills * atOnce} possible)`],
      ['attempts broken or refused by scripted faults', `${broken} / ${refused}`],
      [
        'budget spent = answered + assumed, nothing reserved',
        `${isSettled && tokensSpent === tokensExpected}`,
      ],
      ['scores equal those of the uninterrupted run', `${sameScores}`],
      ['calls per second of that run', `${rounded(callsPerSecond)}`],
    ],
    {
      calls: killed.result.asked,
      kills: killed.kills,
      billLines: bill.lines,
      matched,
      reported,
      unreported: wrong.length,
      lost,
      broken,
      refused,
      budgetExact: isSettled && tokensSpent === tokensExpected,
      sameScores,
      secondsKilled: rounded(killed.seconds),
      callsPerSecond: rounded(callsPerSecond),
      load: rounded(loadavg()[0] ?? 0),
    },
  );
  for (const each of wrong.slice(0, 20)) process.stderr.write(`${each}\n`);
  const isRight =
    sameScores &&
    wrong.length === 0 &&
    matched === killed.result.asked &&
    isSettled &&
    tokensSpent === tokensExpected;
  if (!isRight) process.exitCode = 1;
}

void main();

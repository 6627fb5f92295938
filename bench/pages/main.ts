/**
 * The pages in Chromium on a full registry: time and bytes of the first view of each, with an empty
 * cache, and the longest task while a run with thousands of trials is shown. `npm run bench -- pages`.
 */
import { loadavg } from 'node:os';
import { openBrowser, type TestBrowser } from '../../test/support/process/browser';
import { startLocalProduct, type LocalProduct } from '../../test/support/process/product';
import { openOwnersDatabase } from '../../test/support/process/worker-process';
import { lenientGates, writeTinyLifecycle } from '../../test/support/tiny-lifecycle';
import { median, report, rounded } from '../figures';
import { fillRegistry, type PagesSize } from './fill';
import { firstView, longestTasks, signIn } from './measure';

const size: PagesSize = { models: 200, runsPerModel: 5, predictions: 100_000, trials: 5_000 };
const repetitions = 5;
const lifecycle = 'bench-pages';

async function main(): Promise<void> {
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const product = await startLocalProduct();
    closers.push(() => product.stop());
    const run = await realRun(product);
    const database = openOwnersDatabase(product);
    closers.push(() => database.close());
    await fillRegistry(database, { lifecycle, run }, size);
    const browser = await openBrowser(product.apiUrl);
    closers.push(() => browser.close());
    await measure(product, browser, run);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function realRun(product: LocalProduct): Promise<string> {
  const tune =
    '{ metric: logloss, direction: minimize, sampler: random, space: { learning_rate: { kind: float, low: 0.01, high: 0.3 }, num_leaves: { kind: int, low: 7, high: 31 } }, trials: 2 }';
  await product.apply(
    writeTinyLifecycle(product.workDir, {
      name: lifecycle,
      trainer: 'lightgbm',
      tune,
      evaluate: lenientGates,
      promote: '{ approval: { required: 0 } }',
    }),
  );
  const { body } = await product.start(lifecycle);
  const ended = await product.waitForEnd(body.id, 600);
  if (ended.status !== 'succeeded') throw new Error(JSON.stringify(ended));
  return body.id;
}

async function measure(product: LocalProduct, browser: TestBrowser, run: string): Promise<void> {
  const signedIn = await signIn(browser, product.apiKey);
  const views = [
    ['Home', '/', 'td'],
    ['Runs', '/runs', 'td'],
    ['Run', `/runs/${run}`, '.graph button'],
    ['Model', `/models/${lifecycle}`, 'td'],
    ['Data', '/data', 'td'],
    ['Operations', '/operations', 'td'],
  ] as const;
  const rows: (readonly [string, string])[] = [];
  const figures: Record<string, unknown> = {};
  for (const [name, path, shown] of views) {
    const seen = [];
    for (let turn = 0; turn < repetitions; turn += 1)
      seen.push(await firstView(browser, signedIn, { path, shown }));
    const milliseconds = rounded(median(seen.map((each) => each.milliseconds)), 0);
    const kilobytes = rounded(median(seen.map((each) => each.bytes)) / 1000);
    const slowest = rounded(Math.max(...seen.map((each) => each.milliseconds)), 0);
    rows.push([name, `${milliseconds} ms (slowest ${slowest} ms), ${kilobytes} kB`]);
    figures[name.toLowerCase()] = { milliseconds, slowest, kilobytes };
  }
  const tasks = await longestTasks(browser, signedIn, { run, trials: size.trials });
  for (const [name, of] of [
    ['Run opens', tasks.opening],
    [`${size.trials} trials`, tasks.trials],
  ] as const)
    rows.push([
      name,
      `longest task ${rounded(of.longestOnProcessor, 0)} ms on a processor and ` +
        `${rounded(of.longest, 0)} ms by the clock, ${of.over50} tasks over 50 ms by the clock`,
    ]);
  rows.push(['', `all trials shown after ${rounded(tasks.shownAfter / 1000)} s`]);
  report('pages', rows, { size, repetitions, ...figures, trials: tasks, load: loadavg()[0] });
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);

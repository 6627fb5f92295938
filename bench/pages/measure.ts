import type { BrowserContext } from 'playwright-core';
import type { TestBrowser } from '../../test/support/process/browser';

type Cookies = Awaited<ReturnType<BrowserContext['cookies']>>;

/** The cookie of a session, with which each measured window begins. */
export async function signIn(browser: TestBrowser, key: string): Promise<Cookies> {
  const { page, context } = await browser.open();
  await page.goto('/');
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
  const cookies = await context.cookies();
  await context.close();
  return cookies;
}

/** Until the first element of the content is there, in a window with an empty cache. */
export async function firstView(
  browser: TestBrowser,
  cookies: Cookies,
  { path, shown }: { readonly path: string; readonly shown: string },
): Promise<{ readonly milliseconds: number; readonly bytes: number }> {
  const { page, context } = await browser.open();
  try {
    await context.addCookies(cookies);
    const network = await context.newCDPSession(page);
    await network.send('Network.enable');
    let bytes = 0;
    network.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
    await page.addInitScript(markFirstView(shown));
    await page.goto(path, { waitUntil: 'commit' });
    await page.waitForFunction(() => performance.getEntriesByName('first-view').length > 0);
    const milliseconds = await page.evaluate(
      () => performance.getEntriesByName('first-view')[0]?.startTime ?? NaN,
    );
    return { milliseconds, bytes };
  } finally {
    await context.close();
  }
}

/** A script of the browser. */
const markFirstView = (selector: string): string => `
  new MutationObserver((_, watch) => {
    if (document.querySelector(${JSON.stringify(selector)}) === null) return;
    watch.disconnect();
    requestAnimationFrame(() => performance.mark('first-view'));
  }).observe(document, { childList: true, subtree: true });`;

interface TaskFigures {
  /** Milliseconds of the longest task by the clock. */
  readonly longest: number;
  /** Milliseconds of the task that took most of a processor. */
  readonly longestOnProcessor: number;
  /** By the clock. */
  readonly over50: number;
}

interface TrialsFigures {
  /** While the page of the run loads. */
  readonly opening: TaskFigures;
  /** From the click on, while the trials are read, drawn, moved over and drawn in another width. */
  readonly trials: TaskFigures;
  /** Milliseconds from the click to the last trial. */
  readonly shownAfter: number;
}

/** Opens a run, shows its trials, moves over them, and changes the width of the window. */
export async function longestTasks(
  browser: TestBrowser,
  cookies: Cookies,
  { run, trials }: { readonly run: string; readonly trials: number },
): Promise<TrialsFigures> {
  const { page, context } = await browser.open();
  const chromium = context.browser();
  if (chromium === null) throw new Error('the window has no browser');
  const trace = async (work: () => Promise<void>): Promise<TaskFigures> => {
    await chromium.startTracing(page, { categories: ['toplevel', '__metadata'] });
    await work();
    return summarizeTasks(tasksIn(await chromium.stopTracing()));
  };
  try {
    await context.addCookies(cookies);
    const opening = await trace(async () => {
      await page.goto(`/runs/${run}`);
      await page.locator('.graph button').first().waitFor();
      await page.waitForTimeout(500);
    });
    let shownAfter = 0;
    const shown = await trace(async () => {
      const startedAt = performance.now();
      await page.getByRole('tab', { name: 'Trials' }).click();
      await page.getByText(`${trials} trials`, { exact: false }).first().waitFor();
      shownAfter = performance.now() - startedAt;
      await page.mouse.move(200, 500);
      await page.mouse.move(900, 600, { steps: 50 });
      await page.setViewportSize({ width: 900, height: 900 });
      await page.mouse.wheel(0, 2000);
      await page.waitForTimeout(1000);
    });
    return { opening, trials: shown, shownAfter };
  } finally {
    await context.close();
  }
}

function summarizeTasks(tasks: readonly MainThreadTask[]): TaskFigures {
  return {
    longest: Math.max(0, ...tasks.map(({ clock }) => clock)),
    longestOnProcessor: Math.max(0, ...tasks.map(({ processor }) => processor)),
    over50: tasks.filter(({ clock }) => clock > 50).length,
  };
}

interface MainThreadTask {
  readonly clock: number;
  readonly processor: number;
}

/**
 * Milliseconds of each task of a page's main thread. On a busy machine a task waits for a
 * processor, which its time by the clock contains.
 */
function tasksIn(trace: Buffer): readonly MainThreadTask[] {
  const { traceEvents } = JSON.parse(trace.toString()) as {
    readonly traceEvents: readonly TraceEvent[];
  };
  const formatThread = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
  const main = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(formatThread),
  );
  return traceEvents
    .filter(
      (event) => event.name === 'ThreadControllerImpl::RunTask' && main.has(formatThread(event)),
    )
    .map(({ dur = 0, tdur = 0 }) => ({ clock: dur / 1000, processor: tdur / 1000 }));
}

/** One event of a trace of Chromium, with times in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  /** Duration on a processor, for the thread. */
  readonly tdur?: number;
  readonly args?: { readonly name?: unknown };
}

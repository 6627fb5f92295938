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

/** A script of the browser, which reports tasks of more than 50 ms. */
const collectLongTasks = `
  globalThis.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) globalThis.longTasks.push(duration);
  }).observe({ type: 'longtask', buffered: true });`;

interface TaskFigures {
  /** Milliseconds; 50 or less if no task was longer. */
  readonly longest: number;
  readonly over50: number;
  /** Milliseconds from the click to the last trial. */
  readonly shownAfter: number;
}

/** Opens a run, shows its trials, moves over them, and changes the width of the window. */
export async function longestTask(
  browser: TestBrowser,
  cookies: Cookies,
  { run, trials }: { readonly run: string; readonly trials: number },
): Promise<TaskFigures> {
  const { page, context } = await browser.open();
  try {
    await context.addCookies(cookies);
    await page.addInitScript(collectLongTasks);
    await page.goto(`/runs/${run}`);
    await page.getByRole('tab', { name: 'Trials' }).click();
    const startedAt = performance.now();
    await page.getByText(`${trials} trials`, { exact: false }).first().waitFor();
    const shownAfter = performance.now() - startedAt;
    await page.mouse.move(200, 500);
    await page.mouse.move(900, 600, { steps: 50 });
    await page.setViewportSize({ width: 900, height: 900 });
    await page.mouse.wheel(0, 2000);
    await page.waitForTimeout(1000);
    const tasks = await page.evaluate(
      () => (globalThis as unknown as { readonly longTasks: readonly number[] }).longTasks,
    );
    return { longest: Math.max(50, ...tasks), over50: tasks.length, shownAfter };
  } finally {
    await context.close();
  }
}

/** What a person does with the pages. */
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import type { TestBrowser, TestWindow, WindowOptions } from '../../../support/process/browser';

export async function signIn(
  browser: TestBrowser,
  key: string,
  options: WindowOptions = {},
): Promise<TestWindow> {
  const window = await browser.open(options);
  await window.page.goto('/');
  await window.page.getByLabel('API key').fill(key);
  await window.page.getByRole('button', { name: 'Sign in' }).click();
  await window.page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
  return window;
}

/** Presses the button of the page, and then the one of its dialog. */
export async function confirm(page: Page, label: string, reason?: string): Promise<void> {
  await page.getByRole('button', { name: label, exact: true }).first().click();
  const dialog = page.getByRole('dialog');
  if (reason !== undefined) await dialog.getByLabel(/^Reason/).fill(reason);
  await dialog.getByRole('button', { name: label, exact: true }).click();
  await dialog.waitFor({ state: 'hidden' });
}

/**
 * Waits until the page shows so many elements. `count()` and `allInnerTexts()` do not wait, so that
 * what a request of the page still brings would be missing.
 */
export async function waitForCount(elements: Locator, count: number): Promise<void> {
  if (count > 0) await elements.nth(count - 1).waitFor();
  await elements.nth(count).waitFor({ state: 'detached' });
}

/** Waits for the heading of a run with this status. */
export async function waitForStatus(page: Page, status: string): Promise<void> {
  await page
    .getByRole('heading', { level: 1 })
    .getByText(status, { exact: true })
    .waitFor({ timeout: 120_000 });
}

/** For the documentation: with PERENNIAL_PICTURES, the folder that gets the pictures. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = process.env['PERENNIAL_PICTURES'];
  if (!folder) return;
  await page.evaluate('document.activeElement?.blur(); scrollTo(0, 0)');
  const main = await page.locator('main').boundingBox();
  const { width, height } = page.viewportSize() ?? { width: 1280, height: 900 };
  // Not the empty part of a short page.
  const clip = {
    x: 0,
    y: 0,
    width,
    height: Math.min(height, (main?.y ?? 0) + (main?.height ?? 0)),
  };
  await page.screenshot({ path: join(folder, `${name}.png`), clip });
}

/** Whether the page is wider than its window. */
export function measureOverflow(page: Page): Promise<unknown> {
  return page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
}

/** Compares the timeline of a run with the stored events, which shows each gap and repetition. */
import type { Page } from 'playwright-core';
import { runEvents } from '../../../../apps/client/run-events';
import type { Product } from '../../../support/process/product';

/** Counted or drawn by the page, but not listed. */
const isUnlisted = (kind: string): boolean =>
  /^(train|step)\.metrics$|^job\.output$|^trial\.(started|ended)$|\.progress$/.test(kind);

/** Time and stage of each listed event of an ended run, newest first. */
export async function storedEvents(product: Product, run: string): Promise<readonly string[]> {
  const stored: string[] = [];
  for await (const { kind, stage, at } of runEvents(product, run))
    if (!isUnlisted(kind)) stored.push(`${at} ${stage ?? 'run'}`);
  return stored.reverse();
}

/** The same from the page. */
export async function shownEvents(page: Page): Promise<readonly string[]> {
  await page.getByRole('tab', { name: 'Timeline' }).click();
  return page.locator('ol.timeline').evaluate((list) =>
    [...(list as unknown as Listed).querySelectorAll('li')].map((item) => {
      const [time, stage] = [item.querySelector('time'), item.querySelector('b')];
      return `${time?.getAttribute('datetime') ?? ''} ${stage?.textContent ?? ''}`;
    }),
  );
}

/** Part of the browser's `Element`, whose types the tests do not have. */
interface Listed {
  querySelectorAll(selector: string): Iterable<Listed>;
  querySelector(selector: string): Listed | null;
  getAttribute(name: string): string | null;
  readonly textContent: string | null;
}

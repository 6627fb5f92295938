/** What a person reads of a run in the Temporal Web UI, and how a run is found there. */
import type { Frame, Page } from 'playwright-core';
import { openBrowser, type TestBrowser } from '../../support/process/browser';
import { startLocalProduct, type LocalProduct } from '../../support/process/product';
import { lenientGates, writeTinyLifecycle } from '../../support/tiny-lifecycle';

jest.setTimeout(300_000);

let product: LocalProduct;
let browser: TestBrowser;
let page: Page;
let run: Awaited<ReturnType<LocalProduct['run']>>;
const opened: { close: () => Promise<unknown> }[] = [];
const model = 'readable';

beforeAll(async () => {
  product = await startLocalProduct();
  opened.push({ close: () => product.stop() });
  await product.apply(
    writeTinyLifecycle(product.workDir, {
      name: model,
      evaluate: lenientGates,
      promote: '{ approval: { required: 0 } }',
      seed: 77,
    }),
  );
  const { body } = await product.start(model, { reason: 'new <b>rows</b>' });
  run = await product.waitForEnd(body.id);
  if (run.status !== 'succeeded') throw new Error(JSON.stringify(run));
  browser = await openBrowser(product.apiUrl);
  opened.push(browser);
  ({ page } = await browser.open());
  // The Temporal Web UI of the embedded server needs a session, which this link opens.
  const { stdout } = await product.cli(['ui']);
  await page.goto(/http\S+/.exec(stdout)?.[0] ?? '');
});
afterAll(async () => {
  for (const each of opened.reverse()) await each.close();
});

test('shows the summary, the version, the verdict, and links to the pages', async () => {
  if (run.temporalUrl === null) throw new Error('the address of the Temporal Web UI is unknown');
  await page.goto(run.temporalUrl);
  await page.locator('a[href*="/user-metadata"]').first().click();
  // The UI shows Markdown in frames of their own.
  const text = async (): Promise<string> =>
    (await Promise.all(page.frames().map(readText))).join('\n');
  for (const wanted of [
    'The run ended as',
    'verdict passed',
    `${model}@1`,
    run.id,
    'new <b>rows</b>',
  ])
    await until(async () => (await text()).includes(wanted), wanted);
  const links = await Promise.all(
    page
      .frames()
      .map((frame) =>
        frame
          .locator('a')
          .evaluateAll((all) => all.map((a) => (a as unknown as { href: string }).href)),
      ),
  );
  const { apiUrl } = product;
  expect(links.flat()).toEqual(
    expect.arrayContaining([`${apiUrl}/runs/${run.id}`, `${apiUrl}/models/${model}`]),
  );
});

test('shows what each activity worked on', async () => {
  await page.locator('a[href*="/history?"]').first().click();
  await page.getByText(`${model}.visits@1 against its contract`).first().waitFor();
});

test('finds the run by its search attributes', async () => {
  const { origin, pathname } = new URL(run.temporalUrl ?? '');
  const namespace = pathname.split('/')[2] ?? '';
  const query = encodeURIComponent(
    `PerennialModel="${model}" AND PerennialVersion="${model}@1" AND PerennialVerdict="passed"`,
  );
  await page.goto(`${origin}/namespaces/${namespace}/workflows?query=${query}`);
  await page.locator(`a[href*="${run.id}"]`).first().click();
  await page.locator('a[href*="/search-attributes"]').first().click();
  await page.getByText(`${model}@1`).first().waitFor();
});

/** Empty for a frame that was replaced meanwhile. */
function readText(frame: Frame): Promise<string> {
  return frame
    .locator('body')
    .innerText()
    .catch(() => '');
}

async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + 30_000; ;) {
    if (await isSo()) return;
    if (Date.now() > deadline) throw new Error(`the page never showed: ${what}`);
    await page.waitForTimeout(300);
  }
}

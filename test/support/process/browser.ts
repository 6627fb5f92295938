/** Debian's Chromium, in which the tests of the pages act as a person does. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { existsSync } from 'node:fs';

export interface TestBrowser {
  /** A new window with its own cookies. Collects what a page must never do. */
  open(options?: WindowOptions): Promise<TestWindow>;
  close(): Promise<void>;
}

export interface WindowOptions {
  readonly width?: number;
  readonly scheme?: 'light' | 'dark';
}

export interface TestWindow {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors in the console, dialogs of scripts, and requests to other hosts. */
  readonly problems: readonly string[];
  /** Serious problems that axe finds in the page as it is now. */
  readonly accessibility: () => Promise<readonly string[]>;
}

/** Chromium would otherwise call services of its own. */
const quiet = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
];

export async function openBrowser(baseUrl: string): Promise<TestBrowser> {
  const isRoot = process.getuid?.() === 0;
  const browser: Browser = await chromium.launch({
    executablePath: chromiumPath(),
    args: [...quiet, ...(isRoot ? ['--no-sandbox'] : [])],
  });
  const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
  return {
    async open({ width = 1280, scheme = 'light' } = {}) {
      const context = await browser.newContext({
        baseURL: baseUrl,
        colorScheme: scheme,
        viewport: { width, height: 900 },
        locale: 'en-GB',
        timezoneId: 'UTC',
      });
      context.setDefaultTimeout(60_000);
      const page = await context.newPage();
      const problems: string[] = [];
      page.on('console', (message) => {
        // The console also reports each answer of 400 and above, which pages show to people.
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
          problems.push(`console: ${message.text()}`);
      });
      page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
      page.on('dialog', (dialog) => {
        problems.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on('request', (request) => {
        const { protocol, origin } = new URL(request.url());
        if (protocol.startsWith('http') && origin !== new URL(baseUrl).origin)
          problems.push(`request to ${origin}`);
      });
      return {
        page,
        context,
        problems,
        async accessibility() {
          // Through the debugger, because the policy of the pages allows no foreign script.
          await page.evaluate(axe);
          const found = await page.evaluate(async () => {
            const { axe: run } = globalThis as unknown as {
              readonly axe: {
                run(): Promise<{
                  readonly violations: readonly {
                    readonly id: string;
                    readonly impact: string | null;
                    readonly nodes: readonly { readonly html: string }[];
                  }[];
                }>;
              };
            };
            return (await run.run()).violations;
          });
          return found
            .filter(({ impact }) => impact === 'serious' || impact === 'critical')
            .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
        },
      };
    },
    close: () => browser.close(),
  };
}

/** As bin/provision/web/chromium.mjs finds it. */
function chromiumPath(): string {
  const given = process.env['PERENNIAL_TEST_CHROMIUM'];
  if (given) return given;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const paths = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new Error('no Chromium was found: apt-get install chromium');
  return found;
}

/** Finds the browser of the tests of the pages. It is never downloaded from a web site. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

export const noChromium =
  'no Chromium was found; install it (on Debian: apt-get install chromium), or set PERENNIAL_TEST_CHROMIUM to its path';

/** Null without one. */
export function findChromium(env = process.env) {
  const given = env.PERENNIAL_TEST_CHROMIUM;
  if (given) return existsSync(given) ? given : null;
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  const paths = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return paths.find((path) => existsSync(path)) ?? null;
}

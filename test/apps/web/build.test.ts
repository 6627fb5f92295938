import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { pageFolders } from '../../../apps/api/pages/route';

const root = resolve(__dirname, '..', '..', '..');
const runFile = promisify(execFile);
/** For scripts and styles before the first page is shown, compressed. */
const maxFirstBytes = 300_000;

let folder: string;
let built: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-web-'));
  built = join(folder, 'web');
  const step = join(root, 'bin', 'provision', 'web', 'pages.mjs');
  const code = `import(${JSON.stringify(step)}).then(({ pagesStep }) => pagesStep(${JSON.stringify(root)}, ${JSON.stringify(built)}).work())`;
  await runFile(process.execPath, ['-e', code], { cwd: root });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const files = () => readdirSync(join(built, 'assets'));
const text = (name: string) => readFileSync(join(built, name), 'utf8');

test('the first view needs at most 300 kB, compressed', () => {
  const first = [...text('index.html').matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(
    ([, path = '']) => path,
  );
  expect(first.some((path) => path.endsWith('.js'))).toBe(true);
  const bytes = first
    .filter((path) => /\.(js|css)$/.test(path))
    .map((path) => readFileSync(join(built, `${path}.gz`)).length);
  expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(maxFirstBytes);
});

test('the pages name no other host, and have no inline script or style', () => {
  const document = text('index.html');
  expect(document).not.toMatch(/<script(?![^>]* src=)|<style|style=|https?:/);
  const styles = files().filter((name) => name.endsWith('.css'));
  for (const name of styles) expect(text(join('assets', name))).not.toMatch(/@import|url\(/);
});

test('the slow forms of the libraries are not in the files', () => {
  for (const name of files().filter((each) => each.endsWith('.js')))
    expect({ name, isSlow: text(join('assets', name)).includes('jsxDEV') }).toEqual({
      name,
      isSlow: false,
    });
});

test('the API serves each address of the router', () => {
  const router = readFileSync(join(root, 'apps', 'web', 'src', 'router.tsx'), 'utf8');
  const paths = [...router.matchAll(/'(\/[a-z$/-]*)'/g)].map(([, path = '']) => path);
  const first = new Set(paths.filter((path) => path !== '/').map((path) => path.split('/')[1]));
  expect([...first].sort()).toEqual([...pageFolders].sort());
});

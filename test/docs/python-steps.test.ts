import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const page = readFileSync(resolve('docs/guides/python-steps.md'), 'utf8');
const blocks = [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(
  ([, language = '', text = '']) => ({ language, text }),
);
const files = [
  ...filesBelow(resolve('test/support/step-project')),
  ...filesBelow(resolve('sdk/contracts/trainers/packaged')),
].map((path) => ({ path, text: readFileSync(path, 'utf8') }));

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return [path];
    return entry.name === '__pycache__' ? [] : filesBelow(path);
  });
}

test('the page has examples', () => {
  expect(blocks.length).toBeGreaterThan(4);
  expect(existsSync(resolve('python/perennial/step.py'))).toBe(true);
});

// The platform tests run those files.
test.each(blocks.map(({ language, text }) => [language, text] as const))(
  'each %s example is a file that the tests run, or its beginning: %s',
  (_, text) => {
    expect(files.filter((file) => file.text.startsWith(text))).toHaveLength(1);
  },
);

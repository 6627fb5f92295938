import { join } from 'node:path';
import { compile, compiledFile, evaluate } from '../../../apps/project/load-module';
import { openSourcePlace, withoutPaths } from '../../../apps/project/source-map';
import { removeProject, writeFiles } from '../../support/project/folder';

const header = '//# sourceMappingURL=data:application/json;charset=utf-8;base64,';

interface Places {
  readonly folder: string;
  readonly root: string;
  /** From the folder to the root. */
  readonly path: string;
}

/** A bundle as webpack makes it for the project in `folder` by a Perennial in `root`. */
function bundle({ folder, root, path }: Places): string {
  const map = {
    version: 3,
    file: `bundle-${folder.length}.js`,
    sources: ['./lifecycles/churn.ts', `${path}/workflows/run.ts`],
    sourcesContent: [`require("${folder}/lifecycles/churn.ts")`, ''],
  };
  const code =
    `modules["./lifecycles/churn.ts"]; modules["${path}/workflows/run.ts"];` +
    `const churn = lifecycle(); run.child("churn-eu")`;
  const built = `${code}\n${header}${Buffer.from(JSON.stringify(map)).toString('base64')}`;
  return withoutPaths(built, { folder, root });
}

const expected =
  'modules["./lifecycles/churn.ts"]; modules["perennial/workflows/run.ts"];' +
  'const churn = lifecycle(); run.child("churn-eu")';

test.each([
  ['beside each other', { folder: '/tmp/churn', root: '/tmp/p', path: '../p' }],
  ['far apart', { folder: '/home/a/churn', root: '/opt/p', path: '../../../opt/p' }],
  ['deep', { folder: '/ci/churn', root: '/usr/lib/p', path: '../../usr/lib/p' }],
])('a bundle is the same when the project and Perennial are %s', (_, places) => {
  const first = bundle({ folder: '/a/churn', root: '/b/p', path: '../../b/p' });
  expect(bundle(places)).toBe(first);
  const [code, encoded = ''] = first.split(header);
  expect(code).toBe(`${expected}\n`);
  expect(JSON.parse(Buffer.from(encoded, 'base64').toString())).toMatchObject({
    sources: ['./lifecycles/churn.ts', 'perennial/workflows/run.ts'],
    sourcesContent: ['require("./lifecycles/churn.ts")', ''],
  });
});

test.each([
  ['a project in the folder of Perennial', { folder: '/a/p/churn', root: '/a/p', path: '..' }],
  ['Perennial as a package', { folder: '/a', root: '/a/node_modules/p', path: './node_modules/p' }],
])('%s keeps the code of the lifecycle', (_, places) => {
  expect(bundle(places)).toContain('const churn = lifecycle(); run.child("churn-eu")');
  expect(bundle(places)).toContain('modules["./lifecycles/churn.ts"]');
});

describe('the place of an error', () => {
  const files = {
    'stages/index.ts': `import { readFile } from 'node:fs/promises';
import { rate } from './rates';

export async function late(): Promise<void> {
  await readFile('/no/such/file');
}
export const direct = (): unknown => rate('EUR');
export const builtIn = (): unknown =>
  JSON.parse('{');
export const text = (): never => {
  throw 'a text';
};
`,
    'stages/rates.ts': `
interface Rates { readonly [currency: string]: number }
export function rate(currency: string): number {
  const rates: Rates = {};
  if (!(currency in rates))
    throw new RangeError('no rate of ' + currency);
  return rates[currency]!;
}
`,
  };
  let folder: string;
  let code: string;
  beforeAll(async () => {
    folder = writeFiles(files);
    code = await compile(folder, join(folder, 'stages/index.ts'));
  });
  afterAll(() => removeProject(folder));

  test.each([
    ['the function that threw it', 'direct', 'stages/rates.ts:6'],
    ['the await of the call that failed', 'late', 'stages/index.ts:5'],
    ['the call of the built-in function that threw it', 'builtIn', 'stages/index.ts:9'],
    ['nowhere for a text', 'text', null],
  ])('is %s', async (_, name, place) => {
    const run = evaluate(code, '/state')[name] as () => unknown;
    const thrown = await Promise.resolve()
      .then(run)
      .catch((error: unknown) => error);
    expect(openSourcePlace(code, compiledFile('/state'))(thrown)).toBe(place);
  });

  test('is not found in code without a source map', () => {
    const place = openSourcePlace('throw new Error()', compiledFile('/state'));
    expect(place(new Error('x'))).toBeNull();
  });
});

import { withoutPaths } from '../../../apps/project/source-map';

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

import { withoutFolders } from '../../../apps/project/source-map';

const header = '//# sourceMappingURL=data:application/json;charset=utf-8;base64,';

/** A bundle as it is built for the project in `folder` by a Perennial in `root`. */
function bundle({ folder, root, path }: { folder: string; root: string; path: string }): string {
  const map = {
    version: 3,
    file: `bundle-${folder.length}.js`,
    sources: [`${path}/lifecycles/daily.ts`, './workflows/run.ts'],
    sourcesContent: [`require("${folder}/lifecycles/daily.ts")`, ''],
  };
  const code = `modules["${path}/lifecycles/daily.ts"]; modules["./workflows/run.ts"]; "${folder}/x"`;
  const built = `${code}\n${header}${Buffer.from(JSON.stringify(map)).toString('base64')}`;
  return withoutFolders(built, {
    context: root,
    folders: [
      [folder, '.'],
      [root, 'perennial'],
    ],
  });
}

test('a bundle is the same wherever the project and Perennial are', () => {
  const first = bundle({
    folder: '/home/a/churn',
    root: '/opt/perennial',
    path: '../../home/a/churn',
  });
  for (const other of [
    {
      folder: '/ci/build/churn',
      root: '/usr/lib/node/perennial',
      path: '../../../../ci/build/churn',
    },
    { folder: '/tmp/churn-1', root: '/tmp/clone/project', path: '../../churn-1' },
  ])
    expect(bundle(other)).toBe(first);
  const [, encoded = ''] = first.split(header);
  expect(JSON.parse(Buffer.from(encoded, 'base64').toString())).toMatchObject({
    sources: ['./lifecycles/daily.ts', 'perennial/workflows/run.ts'],
  });
});

test("a project's module and one of Perennial with the same path stay apart", () => {
  const code = withoutFolders('modules["../churn/domain/a.ts"]; modules["./domain/a.ts"]', {
    context: '/srv/perennial',
    folders: [['/srv/churn', '.']],
  });
  expect(code).toBe('modules["./~./domain/a.ts"]; modules["./domain/a.ts"]');
});

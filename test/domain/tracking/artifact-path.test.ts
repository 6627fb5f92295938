import { artifactPath, listFolder } from '../../../domain/tracking/artifact-path';

test.each(['a/b.txt', '', 'model/MLmodel', 'a b/ü'])('%j is a path', (path) => {
  expect(artifactPath(path)).toBe(path);
});

test.each(['../a', 'a/../b', './a', '/etc/passwd', 'a//b', 'a\\b', 'a\0b', 'x'.repeat(1001)])(
  '%.20j is refused',
  (path) => {
    expect(() => artifactPath(path)).toThrow('is not a path of a file');
  },
);

test('a folder lists its files and folders once, with paths below it', () => {
  const files = ['r/a/x.txt', 'r/a/y/z.txt', 'r/b.txt'].map((path) => ({ path, bytes: 1 }));
  expect(listFolder('r', files)).toEqual([
    { path: 'a', isFolder: true, bytes: null },
    { path: 'b.txt', isFolder: false, bytes: 1 },
  ]);
  expect(listFolder('r/b.txt', [{ path: 'r/b.txt', bytes: 1 }])).toEqual([
    { path: 'b.txt', isFolder: false, bytes: 1 },
  ]);
});

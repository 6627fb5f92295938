import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

/** In a process of its own: jest cannot load what openapi-typescript needs. */
test('the client has the types of the API', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['-r', 'tsx/cjs', 'scripts/api-client.ts', '--check'],
    { cwd: resolve(__dirname, '..', '..', '..'), encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

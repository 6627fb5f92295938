import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { passEnvironment } from '../../infra/hidden-settings';

test('secrets reach a process but are not in its environment in /proc', async () => {
  const passed = passEnvironment({
    PATH: process.env['PATH'],
    PERENNIAL_SECRET_ENV: 'HOOK',
    HOOK: 'hidden-1',
    AWS_SECRET_ACCESS_KEY: 'hidden-2',
    PERENNIAL_DATABASE_URL: 'postgres://me:hidden-3@db/x',
    PERENNIAL_S3_ENDPOINT: 'http://127.0.0.1:1',
    TEMPORAL_TLS_CLIENT_KEY_PATH: '/etc/key.pem',
  });
  const code = `
    require('./infra/hidden-settings').readHiddenSettings(process.env);
    console.log(JSON.stringify(process.env));
    process.stdin.resume();`;
  const child = spawn(process.execPath, ['-r', 'tsx/cjs', '-e', code], {
    cwd: resolve(__dirname, '..', '..'),
    env: passed.env,
    stdio: ['pipe', 'pipe', 'inherit', passed.descriptor],
  });
  passed.close();
  const [printed] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  const seen =
    process.platform === 'linux'
      ? readFileSync(`/proc/${child.pid ?? 0}/environ`, 'utf8')
      : JSON.stringify(passed.env);
  child.stdin?.end();
  await once(child, 'exit');
  expect(JSON.parse(printed.toString())).toMatchObject({
    HOOK: 'hidden-1',
    AWS_SECRET_ACCESS_KEY: 'hidden-2',
    PERENNIAL_DATABASE_URL: 'postgres://me:hidden-3@db/x',
    TEMPORAL_TLS_CLIENT_KEY_PATH: '/etc/key.pem',
  });
  expect(seen).not.toMatch(/hidden-\d/);
  expect(seen).toContain('PERENNIAL_S3_ENDPOINT');
});

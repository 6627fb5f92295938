import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '..', '..');
// Nothing listens on port 1.
const nowhere = {
  PERENNIAL_DATABASE_URL: 'postgres://nobody:nothing@127.0.0.1:1/none',
  PERENNIAL_TEMPORAL_ADDRESS: '127.0.0.1:1',
  PERENNIAL_S3_ENDPOINT: 'http://127.0.0.1:1',
  AWS_ACCESS_KEY_ID: 'none',
  AWS_SECRET_ACCESS_KEY: 'none',
};

test('setup names the setting of a server that it cannot reach', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'perennial-main-'));
  const child = spawn(
    process.execPath,
    ['-r', 'tsx/cjs', join(root, 'workers', 'main.ts'), 'setup'],
    {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'], PERENNIAL_STATE_DIR: stateDir, ...nowhere },
    },
  );
  try {
    let said = '';
    await new Promise<void>((done) => {
      child.once('close', () => done());
      // It would still wait for Temporal.
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (/^next: .*$/m.test(said)) child.kill('SIGKILL');
      });
    });
    expect(said).toMatch(
      /^error: PostgreSQL cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:1$/m,
    );
    expect(said).toMatch(/^next: check PERENNIAL_DATABASE_URL/m);
    expect(said).not.toContain('nothing');
  } finally {
    child.kill('SIGKILL');
    rmSync(stateDir, { recursive: true, force: true });
  }
});

test('a process that cannot start prints the reason and exits with 1', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'perennial-main-'));
  const other = createServer();
  await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
  const { port } = other.address() as AddressInfo;
  const child = spawn(
    process.execPath,
    ['-r', 'tsx/cjs', join(root, 'workers', 'main.ts'), 'gateway'],
    {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        PERENNIAL_STATE_DIR: stateDir,
        PERENNIAL_GATEWAY_PORT: String(port),
        // The gateway starts without its registry, so only the port fails.
        ...nowhere,
      },
    },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const forced = setTimeout(() => child.kill('SIGKILL'), 240_000);
  try {
    const end = await new Promise((done) =>
      child.once('close', (code, signal) => done({ code, signal })),
    );
    expect(said).toContain(`address already in use 127.0.0.1:${port}`);
    expect(end).toEqual({ code: 1, signal: null });
  } finally {
    clearTimeout(forced);
    other.close();
    rmSync(stateDir, { recursive: true, force: true });
  }
});

test('up reports errors in the providers file with their lines before it starts anything', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-main-'));
  const [file, stateDir] = [join(folder, 'providers.yaml'), join(folder, 'state')];
  const providers =
    '    acme: { url: "https://acme.example/v1", limts: { concurrency: 2 } }\n    other: { url: "https://me:pw@acme.example/v1" }\n';
  writeFileSync(
    file,
    `apiVersion: perennial.dev/v1\nkind: Platform\nmetadata: { name: p }\nspec:\n  providers:\n${providers}`,
  );
  const child = spawn(process.execPath, ['-r', 'tsx/cjs', join(root, 'workers', 'main.ts'), 'up'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      PERENNIAL_STATE_DIR: stateDir,
      PERENNIAL_PROVIDERS_FILE: file,
    },
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const forced = setTimeout(() => child.kill('SIGTERM'), 40_000);
  try {
    const code = await new Promise((done) => child.once('close', done));
    expect(said).toContain(
      `${file}, which PERENNIAL_PROVIDERS_FILE names, has 2 errors\n  ${file}:6:`,
    );
    expect(said).toContain('did you mean limits?');
    expect(said).toContain('contains a credential');
    expect(said).not.toContain('pw@');
    expect({ code, begun: existsSync(stateDir) }).toEqual({ code: 2, begun: false });
  } finally {
    clearTimeout(forced);
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a command whose output is closed exits with 141 and prints nothing', async () => {
  const child = spawn(
    process.execPath,
    ['-r', 'tsx/cjs', join(root, 'workers', 'main.ts'), '--help'],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] },
    },
  );
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise((done) => child.once('close', done));
  expect({ code, said: said.replace(/^\(node:[^]*?created\)\n/, '') }).toEqual({
    code: 141,
    said: '',
  });
});

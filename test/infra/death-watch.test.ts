import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { processIdentity } from '../../data/process-identity';

const root = resolve(__dirname, '..', '..');

test('no process outlives a supervisor that was killed with SIGKILL, even if it ignores signals', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-death-'));
  const supervisor = spawn(
    process.execPath,
    ['-r', 'tsx/cjs', join(root, 'test', 'support', 'process', 'death-watch-fixture.ts'), folder],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const text = await new Promise<string>((settle) =>
    supervisor.stdout.once('data', (chunk: Buffer) => settle(chunk.toString())),
  );
  const [willing = 0, stubborn = 0] = JSON.parse(text) as number[];
  const grandchild = Number.parseInt(
    await eventually(() => readFileSync(join(folder, 'stubborn.log'), 'utf8').trim()),
    10,
  );
  expect([willing, stubborn, grandchild].map((pid) => processIdentity(pid) === null)).toEqual([
    false,
    false,
    false,
  ]);

  supervisor.kill('SIGKILL');
  await eventually(() => processIdentity(willing) === null);
  // The process that ignores signals is killed with its child after the grace period.
  await eventually(
    () => processIdentity(stubborn) === null && processIdentity(grandchild) === null,
  );
  rmSync(folder, { recursive: true, force: true });
});

async function eventually<T>(look: () => T): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error('it did not come about in 60 s');
    await new Promise((settle) => setTimeout(settle, 50));
  }
}

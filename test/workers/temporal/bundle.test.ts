import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '..', '..', '..');

test('bundles the workflow code into the given folder and writes nothing to the home folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bundle-'));
  const [home, cache] = [join(folder, 'home'), join(folder, 'cache')];
  const workflows = join(root, 'test/support/incompatible/with-child.ts');
  const program = `require('./workers/temporal/bundle').workflowBundle(${JSON.stringify(cache)}, ${JSON.stringify(workflows)})`;
  try {
    const { PATH = '' } = process.env;
    execFileSync(process.execPath, ['-r', 'tsx/cjs', '-e', program], {
      cwd: root,
      env: { PATH, HOME: home },
      stdio: 'pipe',
    });
    expect(readdirSync(cache)).toContainEqual(
      expect.stringMatching(/^workflows-[0-9a-f]{16}\.js$/),
    );
    expect(existsSync(home)).toBe(false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

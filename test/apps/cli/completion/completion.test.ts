import { openFakeApi, refuse, type FakeApi } from '../fake-api';

let api: FakeApi;
beforeEach(async () => {
  // The names come although the machine is busy. A shell waits for a second.
  jest.spyOn(AbortSignal, 'timeout').mockReturnValue(new AbortController().signal);
  api = await openFakeApi();
  const page = (...names: readonly string[]) => ({
    items: names.map((name) => ({ name })),
    nextPageToken: null,
  });
  api.routes.set('GET /lifecycles', page('churn', 'check-ins', 'visits'));
  api.routes.set('GET /models', page('churn', 'visits'));
  api.routes.set('GET /datasets', page('churn.orders'));
  api.routes.set('GET /runs', {
    items: [
      { id: 'run_2', lifecycle: 'churn', status: 'running', createdAt: '2026-01-02T00:00:00Z' },
      { id: 'run_1', lifecycle: 'visits', status: 'failed', createdAt: '2026-01-01T00:00:00Z' },
    ],
    nextPageToken: null,
  });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await api.close();
});

async function complete(...words: readonly string[]): Promise<readonly string[]> {
  const { exitCode, stdout, stderr } = await api.cli('complete', '--', ...words);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout.split('\n').filter((line) => line !== '');
}
const listValues = (lines: readonly string[]) => lines.map((line) => line.split('\t')[0]);

describe('completion of', () => {
  test('a command shows those that begin so, with what they do', async () => {
    expect(await complete('lifec')).toEqual([expect.stringMatching(/^lifecycle\t[A-Z]/)]);
    const all = listValues(await complete(''));
    expect(all).toEqual(expect.arrayContaining(['up', 'run', 'model', 'completion']));
    expect(all).not.toContain('complete');
  });

  test('a subcommand and its options', async () => {
    expect(listValues(await complete('run', 're'))).toEqual(['resume', 'reject', 'rerun']);
    expect(listValues(await complete('run', 'start', '--'))).toEqual(
      expect.arrayContaining(['--param', '--wait', '--help']),
    );
  });

  test('an argument takes names from the platform', async () => {
    expect(await complete('run', 'start', 'ch')).toEqual(['churn\t', 'check-ins\t']);
    expect(listValues(await complete('model', 'show', ''))).toEqual(['churn', 'visits']);
    expect(listValues(await complete('dataset', 'show', ''))).toEqual(['churn.orders']);
    expect(await complete('run', 'show', '')).toEqual([
      'run_2\tchurn, running, 2026-01-02T00:00:00Z',
      'run_1\tvisits, failed, 2026-01-01T00:00:00Z',
    ]);
    expect(listValues(await complete('run', 'compare', 'run_1', ''))).toEqual(['run_2', 'run_1']);
  });

  test('the value of an option takes its names or its choices', async () => {
    for (const words of [
      ['--lifecycle', 'v'],
      ['--lifecycle', '=', 'v'],
    ])
      expect(listValues(await complete('run', 'list', ...words))).toEqual(['visits']);
    expect(listValues(await complete('run', 'list', '--lifecycle=v'))).toEqual([
      '--lifecycle=visits',
    ]);
    // What bash passes for `--lifecycle=`, without a word after it.
    expect(listValues(await complete('run', 'list', '--lifecycle', '='))).toEqual([
      'churn',
      'check-ins',
      'visits',
    ]);
    expect(listValues(await complete('budget', 'set', '--unit', ''))).toEqual(['usd', 'tokens']);
    expect(listValues(await complete('completion', ''))).toEqual(['bash', 'zsh', 'fish']);
  });

  test('an option without a value does not take the next word', async () => {
    expect(listValues(await complete('run', 'start', '--wait', 'vi'))).toEqual(['visits']);
  });

  test('an argument that is given is not completed again', async () => {
    expect(await complete('run', 'start', 'churn', '')).toEqual([]);
    expect(await complete('run', 'start', '--param', '')).toEqual([]);
    // What bash passes for `--param region=` and `--param region=v`.
    expect(await complete('run', 'start', '--param', 'region', '=')).toEqual([]);
    expect(await complete('run', 'start', '--param', 'region', '=', 'v')).toEqual([]);
  });

  test('a path is left to the shell', async () => {
    expect(await complete('lifecycle', 'validate', 'ch')).toEqual([':files']);
    expect(await complete('model', 'import', 'churn', '--file', '')).toEqual([':files']);
  });

  test('a name shows nothing when the platform refuses', async () => {
    api.routes.set('GET /lifecycles', (_, response) =>
      refuse(response, 401, { code: 'Unauthorized', detail: 'send a key' }),
    );
    expect(await complete('run', 'start', '')).toEqual([]);
  });
});

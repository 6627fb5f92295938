import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaseReport } from '../../../../domain/language/evaluation/report';
import { cliAgainst, openFakeApi, refuse, type FakeApi } from '../fake-api';

let api: FakeApi;
let folder: string;
beforeEach(async () => {
  api = await openFakeApi();
  folder = mkdtempSync(join(tmpdir(), 'perennial-cases-'));
  const results = { uri: 's3://x', digest, bytes: 1, mediaType: 'application/json' };
  api.routes.set('GET /runs/run_1/evaluations', {
    items: [{ stage: 'evaluate', name: 'candidate', cases: 2, results }],
  });
});
afterEach(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

const digest = `sha256:${'a'.repeat(64)}`;
const casesPath = `GET /runs/run_1/evaluations/${digest}/cases`;
const cases = (...args: readonly string[]) =>
  cliAgainst({ apiUrl: api.url, apiKey: 'pk_test', cwd: folder }, [
    'run',
    'cases',
    'run_1',
    ...args,
  ]);

function answered(id: string, answer: string): CaseReport {
  const scores = { right: { kind: 'scored', value: 0 } } as const;
  const asked = { id, input: { question: `${id}\n?` }, expected: { answer: 'Rome' } };
  return {
    ...asked,
    group: null,
    pair: null,
    answer,
    unanswered: null,
    retrieved: [],
    scores,
    latencyMs: 20,
    costUsd: 0.000005,
  };
}

test('an answer in the table has no control characters for the terminal', async () => {
  const refused = {
    ...answered('b', ''),
    answer: null,
    unanswered: 'ProviderRefused',
    because: 'no\u001b[1A',
  };
  api.routes.set(casesPath, {
    items: [answered('a', 'x\u001b[2J\ny\u009b2J'), refused],
    nextPageToken: null,
  });
  const { stdout } = await cases();
  expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['CASE', 'QUESTION', 'EXPECTED', 'RIGHT', 'ANSWER'],
    ['a', 'a ?', 'Rome', '0', 'x\ufffd[2J y\ufffd2J'],
    ['b', 'b ?', 'Rome', '0', 'ProviderRefused: no\ufffd[1A'],
    [''],
  ]);
});

test.each([
  ['a share that is a word', ['--pass-at', 'most']],
  ['an empty share', ['--pass-at', '']],
  ['a share above 1', ['--pass-at', '1.5']],
  ['--json without --list', ['--json']],
])('%s is a usage error before any request', async (_name, args) => {
  const { exitCode, stdout, stderr } = await cases(...args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/from 0 to 1|--format jsonl/);
  expect(api.asked).toEqual([]);
});

test('a file that could not be written completely does not exist, not even in part', async () => {
  api.routes.set(casesPath, ({ path }, response) => {
    if (path.includes('pageToken'))
      refuse(response, 503, { code: 'StorageUnavailable', detail: 'S3 is away' });
    else response.end(JSON.stringify({ items: [answered('a', 'x')], nextPageToken: 'next' }));
  });
  expect(await cases('--format', 'jsonl', '--out', 'cases.jsonl')).toMatchObject({
    exitCode: 1,
    stdout: '',
  });
  expect(readdirSync(folder)).toEqual([]);
  api.routes.set(casesPath, { items: [answered('a', 'x')], nextPageToken: null });
  expect(await cases('--format', 'jsonl', '--out', 'cases.jsonl')).toMatchObject({
    exitCode: 0,
    stdout: '',
  });
  expect(JSON.parse(readFileSync(join(folder, 'cases.jsonl'), 'utf8'))).toEqual(answered('a', 'x'));
});

test('an output path that cannot be written is an error before any request', async () => {
  const said = await cases('--format', 'jsonl', '--out', 'nosuch/cases.jsonl');
  expect(said).toMatchObject({ exitCode: 2, stdout: '' });
  expect(said.stderr).toMatch(
    /nosuch\/cases\.jsonl cannot be written: the folder does not exist[^]*name a file in an existing folder/,
  );
  expect(api.asked.filter(({ path }) => path.endsWith('/cases'))).toEqual([]);
});

/**
 * Searches for better prompts through the real API, by HTTP and by the command line. Temporal is a
 * fake; the workflow has its own test.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SearchOutcome } from '../../../../domain/prompt-search/outcome';
import { tenant } from '../../../db/registry-fixture';
import { artifact } from '../../../support/fake-activities';
import { searchOfRun } from '../../../../workflows/prompt/search-messages';
import { cliAgainst } from '../../cli/fake-api';
import type { ApiWorld } from '../support/api-world';
import { openApiWorld } from '../support/api-world';

let world: ApiWorld;
let folder: string;
beforeAll(async () => {
  world = await openApiWorld();
  folder = mkdtempSync(join(tmpdir(), 'perennial-searches-'));
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

const document = (name: string) => `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: ${name} }
spec:
  variables: { question: {} }
  messages:
    - { role: system, template: "Be brief." }
    - { role: user, template: "{{question}}" }
`;
const cases = (count: number) =>
  Array.from({ length: count }, (_, number) =>
    JSON.stringify({
      id: `c${number}`,
      input: { question: `what ${number}?` },
      expected: { answer: `it ${number}`, label: number % 2 ? 'odd' : 'even' },
    }),
  ).join('\n');
const wish = {
  search: {
    quality: 'exact',
    proposers: [{ kind: 'fewShot', sizes: [2], draws: 4, pool: 8 }],
    variants: 5,
  },
  dimensions: [{ name: 'exact', kind: 'exact' }],
  model: { name: 'small' },
  cases: cases(40),
};
type Begun = {
  readonly id: string;
  readonly status: string;
  readonly code?: string;
  readonly detail?: string;
};
const begin = (prompt: string, change: object = {}) =>
  world.call<Begun>('POST', `/prompts/${prompt}/searches`, {
    as: 'operator',
    body: { ...wish, ...change },
  });
const put = (name: string) =>
  world.call('PUT', `/prompts/${name}`, { as: 'operator', body: { document: document(name) } });
const cli = async (...args: readonly string[]) => {
  const { stdout, stderr, exitCode } = await cliAgainst(
    { apiUrl: world.url, apiKey: world.keys.admin, cwd: folder },
    ['prompt', ...args],
  );
  return `${exitCode} ${stdout}${stderr}`;
};

const mean = (value: number) => ({
  cases: 16,
  failures: 0,
  mean: value,
  lower: value - 0.1,
  upper: value + 0.1,
});
const outcome = (version: number): SearchOutcome => {
  const result = {
    id: artifact('w').digest,
    cases: 24,
    failures: 0,
    quality: 0.875,
    cost: 2_000,
    latencyMs: 12,
  };
  return {
    winner: {
      digest: artifact('w').digest,
      version,
      artifact: artifact('w'),
      origin: { kind: 'fewShot', parent: artifact('f').digest },
    },
    first: { digest: artifact('f').digest, version: 1 },
    searched: result,
    confirmed: { winner: mean(0.75), first: mean(0.5), gain: mean(0.25), optimism: 0.125 },
    improved: true,
    front: [{ ...result, origin: 'fewShot' }],
    variants: 5,
    fewer: ['grid: 3 new prompts from 4 combinations'],
    tied: 2,
    questions: 150,
    paid: { answers: 150, cost: 300_000, unsettled: 0 },
    report: artifact('report'),
  };
};

describe('by HTTP', () => {
  test('finds the same search again, starts another for another seed, and continues with a larger budget', async () => {
    await put('asked');
    const first = await begin('asked');
    expect(first).toMatchObject({
      status: 202,
      body: { status: 'running', quality: 'exact', firstVersion: 1 },
    });
    expect(first.headers.get('location')).toBe(`/api/v1/prompts/asked/searches/${first.body.id}`);
    expect((await begin('asked')).body.id).toBe(first.body.id);
    expect((await begin('asked', { search: { ...wish.search, seed: 2 } })).body.id).not.toBe(
      first.body.id,
    );

    const { id } = first.body;
    const started = world.searches.started.find(({ search }) => search === id);
    expect(started).toMatchObject({
      prompt: 'asked',
      parallel: 4,
      request: { route: [{ provider: 'embedded', model: 'small' }] },
    });
    expect(
      new TextDecoder().decode(
        await world.artifacts.getBytes(started?.request.cases ?? artifact('none')),
      ),
    ).toBe(wish.cases);
    await world.registry.promptSearches.end({
      tenant,
      id,
      status: 'failed',
      cause: 'the budget is spent',
    });
    const count = world.searches.started.length;
    const raised = await begin('asked', { search: { ...wish.search, budgetUsd: 5 } });
    expect(raised.body).toMatchObject({ id, status: 'running', cause: null });
    expect(world.searches.started).toHaveLength(count + 1);
    await world.registry.promptSearches.end({ tenant, id, status: 'done', outcome: outcome(2) });
    expect((await begin('asked')).body).toMatchObject({
      id,
      status: 'done',
      outcome: { winner: { version: 2 } },
    });
    expect(world.searches.started).toHaveLength(count + 1);
    const { body } = await world.call<{ items: readonly Begun[] }>(
      'GET',
      '/prompts/asked/searches',
      { as: 'viewer' },
    );
    expect(body.items.map(({ status }) => status).sort()).toEqual(['done', 'running']);
  });

  test('shows progress while it runs, and can be cancelled', async () => {
    await put('shown');
    const { id } = (await begin('shown')).body;
    const path = `/prompts/shown/searches/${id}`;
    expect((await world.call('GET', path, { as: 'viewer' })).body).toMatchObject({
      progress: null,
      temporalUrl: `http://temporal.test/${id}`,
    });
    const groups = [
      { variants: 3, met: 8 },
      { variants: 2, met: 0 },
    ];
    const rounds = [
      { variants: 5, cases: 8 },
      { variants: 2, cases: 16 },
    ] as const;
    const standing = {
      stage: 'search',
      round: 1,
      rounds,
      groups,
      cases: 16,
      known: 7,
      questions: 40,
      best: null,
    } as const;
    world.searches.shown = { standing, pieces: { done: 1, of: 3 } };
    expect((await world.call('GET', path, { as: 'viewer' })).body).toMatchObject({
      progress: {
        round: 2,
        rounds: 2,
        variants: 5,
        cases: 16,
        known: 7,
        pieces: { done: 1, of: 3 },
      },
    });
    expect((await world.call('POST', `${path}/cancel`, { as: 'operator', body: {} })).status).toBe(
      202,
    );
    expect(world.searches.cancelled).toEqual([id]);
    expect(
      (await world.call('GET', '/prompts/other/searches/search_0', { as: 'viewer' })).status,
    ).toBe(404);
  });

  test('finds the search of a run through the run, and cancels it with the run', async () => {
    await put('of-a-run');
    await world.apply('searching');
    const run = await world.accept('searching');
    const { id } = (await begin('of-a-run')).body;
    const record = await world.registry.promptSearches.get({ tenant, id });
    const own = searchOfRun(run.id);
    if (!record) throw new Error('no such search');
    const { request, firstVersion } = record;
    await world.registry.promptSearches.open({
      tenant,
      id: own,
      prompt: 'of-a-run',
      firstVersion,
      request,
      actor: `run:${run.id}`,
    });
    const path = `/prompts/of-a-run/searches/${own}`;
    expect((await world.call('GET', path, { as: 'viewer' })).body['temporalUrl']).toBe(
      `http://temporal.test/${run.workflowId}`,
    );
    expect(world.searches.viewed.at(-1)).toBe(run.workflowId);
    const refused = await world.call('POST', `${path}/cancel`, { as: 'operator', body: {} });
    expect([refused.status, refused.body]).toMatchObject([
      409,
      { code: 'Conflict', next: `perennial run cancel ${run.id}` },
    ]);
    expect(await cli('search-cancel', 'of-a-run', own)).toMatch(
      new RegExp(
        `^[1-9].*${own} is a step of ${run.id} and ends with it[^]*perennial run cancel ${run.id}`,
      ),
    );
    expect(world.searches.cancelled).not.toContain(own);
    await world.registry.promptSearches.end({
      tenant,
      id: own,
      status: 'cancelled',
      cause: 'its run was cancelled',
    });
    expect((await world.call('POST', `${path}/cancel`, { as: 'operator', body: {} })).status).toBe(
      202,
    );
  });

  test.each([
    ['too few cases', { cases: cases(12) }, /12 cases are too few: 7 for examples/],
    [
      'a line that is not a case',
      { cases: `${cases(40)}\n{"id":` },
      /cases\.ndjson has 1 error\n.*:41 the line is not JSON/,
    ],
    [
      'an unknown dimension',
      { search: { ...wish.search, quality: 'nice' } },
      /optimizes nice, which is not a dimension; use one of exact/,
    ],
    [
      'a judge without a calibration',
      {
        search: { ...wish.search, quality: 'j' },
        dimensions: [{ name: 'j', kind: 'judge', prompt: 'p@1', provider: 'a', model: 'b' }],
      },
      /cannot optimize j, of kind judge, in this version/,
    ],
    [
      'a grid without its text',
      {
        search: {
          ...wish.search,
          proposers: [{ kind: 'grid', axes: [{ find: 'TONE', options: ['x'] }] }],
        },
      },
      /message 0 of refused does not contain the text "TONE"/,
    ],
  ])('refuses %s before anything is paid', async (_, change, message) => {
    await put('refused');
    const { status, body } = await begin('refused', change);
    expect([status, body.code]).toEqual([422, 'InvalidInput']);
    expect(body.detail).toMatch(message);
  });
});

test('the command line writes the file, starts, follows to the end, and shows front, winner and result', async () => {
  writeFileSync(join(folder, 'router.yaml'), document('router'));
  writeFileSync(join(folder, 'cases.ndjson'), cases(40));
  const args = [
    'search',
    'router.yaml',
    '--cases',
    'cases.ndjson',
    '--quality',
    'label',
    '--model',
    'embedded/small',
    '--variants',
    '20',
  ];
  world.searches.shown = null;
  const watching = cli(...args);
  let id = '';
  while (id === '') {
    await new Promise((resolve) => setTimeout(resolve, 50));
    id = world.searches.started.find(({ prompt }) => prompt === 'router')?.search ?? '';
  }
  await world.registry.promptSearches.end({ tenant, id, status: 'done', outcome: outcome(2) });
  const said = await watching;
  expect(said).toMatch(/^0 /);
  expect(said).toContain(`search ${id} of router@1: label, at most 20 variants`);
  expect(said).toMatch(/winner +fewShot +0\.875 +24 +\$0\.000002 +12 ms/);
  expect(said).toMatch(/first prompt, router@1 +0\.5 +0\.4 … 0\.6/);
  expect(said).toMatch(/winner, router@2 +0\.75 /);
  expect(said).toContain(
    'gain +0.25 (+0.15 … +0.35) on 16 held-out cases; −0.125 compared with the search cases',
  );
  const started = world.searches.started.find(({ search }) => search === id);
  expect(started?.request).toMatchObject({
    dimensions: [{ name: 'label', kind: 'label', labels: ['even', 'odd'] }],
    spec: {
      variants: 20,
      proposers: [
        { kind: 'fewShot', pool: 8 },
        { kind: 'mutate', provider: 'embedded', model: 'small' },
      ],
    },
  });
  expect(await cli('searches', 'router')).toMatch(
    new RegExp(`${id} +done +label +@1 +@2 +\\+0\\.25`),
  );
  expect(await cli('search-result', 'router', id)).toContain('gain +0.25');
  expect(await cli('calls', 'router', id)).toMatch(
    new RegExp(`^0 [^]*${id} made no paid requests, or all of them had been paid for before`),
  );

  const other = await cli(...args, '--seed', '9', '--no-wait');
  expect(other).toMatch(/^0 .*still running; perennial prompt search-result router search_/s);
  const [stopped = ''] = /search_\w+/.exec(other) ?? [];
  expect(await cli('search-cancel', 'router', stopped)).toContain('cancellation requested');
  await world.registry.promptSearches.end({
    tenant,
    id: stopped,
    status: 'cancelled',
    cause: 'the search was cancelled',
  });
  expect(await cli('search-result', 'router', stopped)).toMatch(
    /^1 .*was cancelled[^]*next:.*run the same command to continue/,
  );
  expect(await cli('search', 'router', '--cases', 'cases.ndjson')).toMatch(
    /^2 .*--quality and --model are required/,
  );
  expect(
    await cli('search', 'router', '--cases', 'none.ndjson', '--quality', 'f1', '--model', 'a/b'),
  ).toMatch(/^2 .*none\.ndjson cannot be read/);
});

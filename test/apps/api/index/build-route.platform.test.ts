/**
 * Builds of an index outside a lifecycle, by HTTP and by the command line. Temporal is a fake; the
 * workflow is tested in test/workflows.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { computeDigest } from '../../../../data/digest';
import { defaultTenant as tenant } from '../../../../domain/ids';
import { startRun } from '../../../db/registry-fixture';
import { putBundle, questionPrompt } from '../../../support/language/served-bundles';
import { cliAgainst } from '../../cli/fake-api';
import type { ApiWorld } from '../support/api-world';
import { openApiWorld } from '../support/api-world';

let world: ApiWorld;
let folder: string;
beforeAll(async () => {
  world = await openApiWorld();
  folder = mkdtempSync(join(tmpdir(), 'index-builds-'));
  for (const [dataset, rows] of [
    ['wiki.documents', 7],
    ['wiki.questions', 3],
  ] as const)
    await documents(dataset, rows);
  await application('asking', {
    name: 'wiki',
    version: 1,
    digest: computeDigest('index'),
    variable: 'passages',
    k: 3,
    mode: 'vector',
  });
  await application('bare', null);
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

async function documents(dataset: string, rows: number): Promise<void> {
  const manifest = await world.artifacts.putJson({ tenant, value: { dataset, rows } });
  await world.registry.datasets.register({
    tenant,
    dataset,
    rows,
    columns: [],
    runId: null,
    manifest,
    idempotencyKey: `${dataset}/${rows}`,
  });
}

async function application(
  model: string,
  index: Parameters<typeof putBundle>[1]['index'],
): Promise<void> {
  const put = (bytes: Uint8Array) =>
    world.artifacts.putBytes({ tenant, bytes, mediaType: 'application/json' });
  const base = { provider: 'embedded', model: 'scripted', adapter: null, standby: [] };
  const manifest = await putBundle(put, {
    model,
    prompt: questionPrompt('Answer.'),
    base,
    ...(index && { index }),
  });
  const runId = await startRun(world.registry);
  const signature = { task: 'chat', input: 'question' } as const;
  await world.registry.models.register({
    tenant,
    model,
    runId,
    manifest,
    signature,
    idempotencyKey: model,
  });
  await world.registry.aliases.promote({
    tenant,
    model,
    version: 1,
    expectedChampion: { version: null, fencing: 0 },
    decisionId: null,
    runId,
    actor: 'ada',
    cause: 'test',
    idempotencyKey: model,
  });
}

const cases = [1, 2]
  .map(
    (id) =>
      `${JSON.stringify({ id: String(id), input: { question: 'What swims?' }, expected: { answer: 'whale' } })}\n`,
  )
  .join('');
const order = {
  documents: 'wiki.documents',
  embedder: { kind: 'wordllama' },
  parity: { questions: 'wiki.questions@1', minQuestions: 2 },
  answers: {
    model: 'asking',
    cases,
    dimensions: [{ name: 'right', kind: 'exact' }],
    quality: 'right',
    minCases: 2,
  },
  budget: { usd: 1 },
};

test('starts one build per key, with everything that its decision needs', async () => {
  expect(
    (await world.call('POST', '/indexes/wiki/builds', { as: 'viewer', body: order })).status,
  ).toBe(403);
  const once = { as: 'operator', body: order, headers: { 'idempotency-key': 'first' } } as const;
  const { status, body, headers } = await world.call<{ build: string }>(
    'POST',
    '/indexes/wiki/builds',
    once,
  );
  expect(status).toBe(202);
  expect(body).toMatchObject({
    index: 'wiki',
    status: 'running',
    progress: { phase: 'embedding', version: 2 },
    outcome: null,
  });
  expect(headers.get('location')).toBe(`/api/v1/indexes/wiki/builds/${body.build}`);
  expect((await world.call('POST', '/indexes/wiki/builds', once)).body).toEqual(body);
  await documents('wiki.documents', 9);
  expect((await world.call('POST', '/indexes/wiki/builds', once)).body).toEqual(body);
  expect(
    (
      await world.call('POST', '/indexes/wiki/builds', {
        ...once,
        body: { ...order, after: 'keep' },
      })
    ).body,
  ).toMatchObject({
    detail: 'another build was started with this key',
  });
  expect(world.indexes.builds).toHaveLength(1);
  const scope = `index-build/${body.build}`;
  expect(world.indexes.builds[0]).toMatchObject({
    key: body.build,
    runId: null,
    actor: 'operator',
    dataset: { name: 'wiki.documents', version: 1 },
    vectors: { kind: 'auto' },
    parity: {
      rule: { metric: 'recall@5', minQuestions: 2 },
      questions: { name: 'wiki.questions', version: 1 },
      mode: 'vector',
    },
    answers: { bundle: { model: 'asking', version: 1 }, quality: 'right', margin: 0.05 },
    after: 'promote',
    budgets: [{ scope, unit: 'usd' }],
    limits: [{ scope, unit: 'usd', limit: 1 }],
  });
  const file = world.indexes.builds[0]?.answers?.cases;
  expect(Buffer.from(await world.artifacts.getBytes(file ?? (undefined as never))).toString()).toBe(
    cases,
  );
  const path = `/indexes/wiki/builds/${body.build}`;
  expect((await world.call('GET', path, { as: 'viewer' })).body).toMatchObject({
    build: body.build,
  });
  expect(
    (await world.call('GET', `/indexes/wiki/builds/build_${'0'.repeat(24)}`, { as: 'viewer' }))
      .status,
  ).toBe(404);
});

test.each([
  ['another dataset', { documents: 'wiki.none' }, 404, 'there is no dataset wiki.none'],
  [
    'an unknown dimension',
    { answers: { ...order.answers, quality: 'wrong' } },
    422,
    'there is no dimension wrong',
  ],
  ['too few cases', { answers: { ...order.answers, minCases: 5 } }, 422, 'has 2 cases'],
  ['broken cases', { answers: { ...order.answers, cases: 'nothing' } }, 422, 'answers.cases'],
  [
    'an application without an index',
    { answers: { ...order.answers, model: 'bare' } },
    422,
    'bare@1 does not use wiki',
  ],
  [
    'an application without a champion',
    { answers: { ...order.answers, model: 'nobody' } },
    404,
    'nobody has no champion',
  ],
  ['an unknown key', { parities: null }, 422, 'parities'],
  ['an unknown kind of vectors', { vectors: 'hsnw' }, 422, 'hnsw'],
])('reports %s before anything starts', async (_, change, status, detail) => {
  const begun = world.indexes.builds.length;
  const answer = await world.call('POST', '/indexes/wiki/builds', {
    as: 'operator',
    body: { ...order, ...change },
  });
  expect(answer.status).toBe(status);
  expect(JSON.stringify(answer.body)).toContain(detail);
  expect(world.indexes.builds).toHaveLength(begun);
});

test('the command line follows a build to its end, and exits with 3 if it was not promoted', async () => {
  writeFileSync(join(folder, 'cases.ndjson'), cases);
  const file = { ...order, answers: { ...order.answers, cases: 'cases.ndjson' } };
  writeFileSync(join(folder, 'build.yaml'), JSON.stringify(file));
  const cli = async (...args: readonly string[]) => {
    const settings = { apiUrl: world.url, apiKey: world.keys.admin, cwd: folder };
    const { stdout, stderr, exitCode } = await cliAgainst(settings, ['index', ...args]);
    return `${exitCode} ${stdout}${stderr}`;
  };
  const report = {
    documents: 7,
    chunks: 12,
    embedded: 12,
    rejected: {},
    vectors: 'flat',
    seconds: 1,
  } as const;
  let looks = 0;
  const ended = (kind: 'passed' | 'failed', message: string) => () => {
    const verdict = {
      kind,
      reasons: [{ gate: 'index-answers', code: 'x', message, outcome: kind }],
    } as const;
    const running = {
      status: 'running',
      state: { phase: 'answering', version: 2, shards: { done: 3, of: 3 } },
    } as const;
    return ++looks < 2
      ? running
      : ({
          status: 'done',
          outcome: { version: 2, report, verdict, promoted: kind === 'passed' },
        } as const);
  };
  world.indexes.readStatus = ended('passed', 'right +0.010');
  expect(await cli('build', 'wiki', 'build.yaml')).toMatch(
    /^0 [^]*@2 answering[^]*passed index-answers: right \+0\.010[^]*wiki@2 is champion/,
  );
  expect(world.indexes.builds.at(-1)?.answers?.cases).toEqual(
    world.indexes.builds[0]?.answers?.cases,
  );
  expect(await cli('build', 'wiki', 'build.yaml', '--vectors', 'hnsw')).toMatch(/^0 /);
  expect(world.indexes.builds.at(-1)?.vectors).toEqual({ kind: 'hnsw' });
  expect(await cli('build', 'wiki', 'build.yaml', '--vectors', 'hsnw')).toMatch(
    /^2 [^]*auto, flat, hnsw, ivfPq/,
  );
  const absolute = { ...order, answers: { ...order.answers, cases: join(folder, 'cases.ndjson') } };
  writeFileSync(join(folder, 'build.yaml'), JSON.stringify(absolute));
  world.indexes.readStatus = ended('failed', 'right −0.300');
  expect(await cli('build', 'wiki', 'build.yaml')).toMatch(
    /^3 [^]*failed index-answers: right −0\.300[^]*does not replace the champion[^]*failed/,
  );
  const { key = '' } = world.indexes.builds.at(-1) ?? {};
  world.indexes.readStatus = () => ({ status: 'running', state: null });
  expect(await cli('build-result', 'wiki', key)).toMatch(new RegExp(`^0 ${key} is running`));
  expect(await cli('build-cancel', 'wiki', key)).toMatch(/^0 [^]*cancellation requested/);
  expect(await cli('build-result', 'wiki', key)).toMatch(
    /^1 [^]*was cancelled: the build was cancelled/,
  );
});

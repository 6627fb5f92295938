/** Objects of every kind that belong to the tenant of the test fixtures. */
import { computeDigest } from '../../../../data/digest';
import { newId } from '../../../../db/ids';
import type { PredictionId, RunId } from '../../../../domain/ids';
import type { CaseResult } from '../../../../domain/language/evaluation/result';
import { rolloutWorkflowId } from '../../../../workflows/run/messages';
import { openRollout, promoteOver } from '../../../db/rollout/fixture';
import { refTo, registerVersions, tenant } from '../../../db/registry-fixture';
import { lifecycleBody, withStages, type ApiWorld } from './api-world';
import { judgedModels } from './judged-models';

/** The name of the lifecycle, the model, the prompt, the index and all other named objects. */
export const sharedName = 'shared';

/** What the routes of the API are called with. */
export interface ObjectIds {
  readonly name: string;
  readonly dataset: string;
  readonly run: string;
  readonly otherRun: string;
  readonly results: string;
  readonly delivery: string;
  readonly incident: string;
  readonly rollout: string;
  readonly decision: string;
  readonly prediction: string;
  readonly quarantine: string;
  readonly search: string;
  readonly evaluation: string;
  readonly build: string;
  readonly experiment: string;
  readonly key: string;
  readonly audit: string;
}

/** Ids of the same form that no object has. */
export const absentIds: ObjectIds = {
  name: 'absent',
  dataset: 'absent.flights',
  run: `run_${'0'.repeat(26)}`,
  otherRun: `run_${'1'.repeat(26)}`,
  results: `sha256:${'0'.repeat(64)}`,
  delivery: `evt_${'0'.repeat(26)}`,
  incident: `inc_${'0'.repeat(26)}`,
  rollout: `roll_${'0'.repeat(26)}`,
  decision: `dec_${'0'.repeat(26)}`,
  prediction: `pred_${'0'.repeat(26)}`,
  quarantine: `qua_${'0'.repeat(26)}`,
  search: `search_${'0'.repeat(26)}`,
  evaluation: `evaluation_${'0'.repeat(26)}`,
  build: `build_${'0'.repeat(24)}`,
  experiment: `exp_${'0'.repeat(26)}`,
  key: '0'.repeat(26),
  audit: `aud_${'0'.repeat(26)}`,
};

export const promptDocument = (name: string, text = 'Be brief.') => `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: ${name} }
spec:
  variables: { question: {} }
  messages:
    - { role: system, template: "${text}" }
    - { role: user, template: "{{question}}" }
`;

const cases = Array.from({ length: 40 }, (_, number) =>
  JSON.stringify({
    id: `c${number}`,
    input: { question: `what ${number}?` },
    expected: { answer: `it ${number}`, label: number % 2 ? 'odd' : 'even' },
  }),
).join('\n');

export const evaluationRequest = {
  dimensions: [{ name: 'exact', kind: 'exact' }],
  model: { name: 'small' },
  cases,
};

export const searchRequest = {
  ...evaluationRequest,
  search: {
    quality: 'exact',
    proposers: [{ kind: 'fewShot', sizes: [2], draws: 4, pool: 8 }],
    variants: 5,
  },
};

export const buildRequest = (dataset: string) => ({
  documents: dataset,
  embedder: { kind: 'wordllama' },
});

export const lifecycleRequest = (name: string) =>
  lifecycleBody(name, (text) =>
    withStages(text, {
      tune: {
        metric: 'auc',
        direction: 'maximize',
        trials: 4,
        space: { num_leaves: { kind: 'int', low: 7, high: 63 } },
      },
      notify: [{ webhook: 'https://hooks.example/all', secret: { env: 'HOOK_SECRET' } }],
    }),
  );

/** Makes all objects and returns their ids. */
export async function makeObjects(world: ApiWorld): Promise<ObjectIds> {
  const { registry } = world;
  await must(world, 'PUT', `/lifecycles/${sharedName}`, lifecycleRequest(sharedName));
  const failed = (await world.accept(sharedName)).id;
  const run = (await world.accept(sharedName)).id;
  await registry.runs.update({
    tenant,
    id: failed,
    status: 'failed',
    failure: { type: 'JobFailed', message: 'exit 1' },
  });
  const [delivery] = (
    await must<{ items: readonly { id: string }[] }>(
      world,
      'GET',
      `/lifecycles/${sharedName}/deliveries`,
    )
  ).items;
  const made = {
    name: sharedName,
    run,
    otherRun: failed,
    delivery: delivery?.id ?? '',
    incident: await troubled(world),
    results: await evaluated(world, run),
    rollout: await rolledOut(world),
    decision: await judgedModels(world).decideCanary(run, 'passed'),
    prediction: await predicted(world),
    ...(await ingested(world, run)),
    ...(await prompted(world)),
    build: await indexed(world),
    experiment: await tracked(world),
    key: (
      await must<{ id: string }>(world, 'POST', '/api-keys', { name: 'shared', scope: 'viewer' })
    ).id,
  };
  await must(world, 'POST', `/projects/${sharedName}/builds`, {
    lifecycles: ['built'],
    workflows: '1',
    stages: '2',
    files: {},
    lock: null,
  });
  await must(world, 'PUT', '/budgets', { scope: 'tenant', unit: 'usd', limit: 12_345 });
  await must(world, 'PUT', '/retention', { feedbackDays: 321 });
  const { items } = await registry.audit.list({ tenant, pageSize: 1 });
  return { ...made, audit: items[0]?.id ?? '' };
}

async function must<T>(
  world: ApiWorld,
  method: string,
  path: string,
  body?: unknown,
  etag?: string,
): Promise<T> {
  const answer = await world.call<T>(method, path, {
    ...(body === undefined ? {} : { body }),
    ...(etag === undefined ? {} : { headers: { 'if-match': etag } }),
  });
  if (answer.status >= 300)
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function troubled({ registry }: ApiWorld): Promise<string> {
  const { incident } = await registry.incidents.raise({
    tenant,
    model: sharedName,
    version: 1,
    kind: 'drift',
    key: 'drift',
    severity: 'warning',
    title: 'secret-of-default drifted',
    story: {
      what: 'secret-of-default drifted.',
      since: null,
      howLarge: null,
      features: [],
      slice: null,
      dataVersion: null,
      engineDid: 'nothing',
      waitsFor: null,
    },
  });
  return incident.id;
}

async function evaluated({ registry, artifacts }: ApiWorld, runId: RunId): Promise<string> {
  const result: CaseResult = {
    id: 'c0',
    group: null,
    pair: null,
    retrieved: [],
    answer: 'secret-of-default Paris',
    unanswered: null,
    scores: { right: { kind: 'scored', value: 1 } },
    latencyMs: 20,
    cost: 1_000,
  };
  const results = await artifacts.putJson({ tenant, value: [result] });
  const at = { tenant, runId, stage: 'prompt-eval', generation: 1 };
  await registry.stages.begin({ ...at, cacheKey: computeDigest(runId), reuse: false });
  const prompt = { path: 'prompts/plain.yaml', slice: 'search', cases: 1, results };
  await registry.stages.finish({
    ...at,
    status: 'succeeded',
    output: { output: { results: [prompt] } },
  });
  return results.digest;
}

async function rolledOut({ registry, lifecycles }: ApiWorld): Promise<string> {
  const runId = await registerVersions(registry, sharedName, 3);
  await promoteOver(registry, sharedName, 1);
  const opening = await openRollout(registry, { model: sharedName, runId });
  if (opening.kind !== 'opened') throw new Error(opening.kind);
  lifecycles.executions.set(rolloutWorkflowId(opening.rollout), 'running');
  await registry.monitors.turnOff({ tenant, model: sharedName, why: 'secret-of-default' });
  return opening.rollout.id;
}

async function predicted({ registry }: ApiWorld): Promise<string> {
  const id = newId('pred') as PredictionId;
  await registry.predictions.insert([
    {
      tenant,
      id,
      receivedAt: new Date().toISOString(),
      model: sharedName,
      version: 1,
      arm: 'champion',
      entity: 'secret-of-default@example.com',
      eventTime: null,
      input: { distance: 1 },
      output: { score: 0.5 },
      latencyMs: 250,
      rollout: null,
      other: null,
    },
  ]);
  return id;
}

async function ingested({ registry, artifacts }: ApiWorld, runId: RunId) {
  const dataset = `${sharedName}.flights`;
  for (const rows of [100, 101])
    await registry.datasets.register({
      tenant,
      dataset,
      manifest: await artifacts.putJson({ tenant, value: { rows } }),
      rows,
      columns: [],
      runId,
      idempotencyKey: `${dataset}/${rows}`,
    });
  await registry.datasets.quarantine.put({
    tenant,
    dataset,
    version: 1,
    runId,
    rows: 3,
    artifact: refTo('bad'),
    reasons: { 'secret-of-default below 0': 3 },
  });
  const { items } = await registry.datasets.quarantine.list({ tenant, dataset, pageSize: 1 });
  await registry.lineage.add({
    tenant,
    edges: [
      {
        from: { kind: 'dataset', name: dataset, version: 1 },
        to: { kind: 'model', name: sharedName, version: 1 },
        runId,
      },
    ],
  });
  return { dataset, quarantine: items[0]?.id ?? '' };
}

async function prompted(world: ApiWorld) {
  const path = `/prompts/${sharedName}`;
  for (const text of ['Be brief.', 'Be kind.'])
    await must(world, 'PUT', path, { document: promptDocument(sharedName, text) });
  for (const version of [1, 2]) {
    const { headers } = await world.call('GET', `${path}/labels/staging`);
    const etag = headers.get('etag') ?? '';
    await must(
      world,
      'PUT',
      `${path}/labels/staging`,
      { version, reason: 'secret-of-default' },
      etag,
    );
  }
  const { id: search } = await must<{ id: string }>(
    world,
    'POST',
    `${path}/searches`,
    searchRequest,
  );
  const { id: evaluation } = await must<{ id: string }>(
    world,
    'POST',
    `${path}/evaluations`,
    evaluationRequest,
  );
  return { search, evaluation };
}

async function indexed(world: ApiWorld): Promise<string> {
  const { indexes } = world.registry;
  const dataset = `${sharedName}.flights`;
  const embedder = {
    name: 'all-MiniLM-L6-v2-int8',
    digest: computeDigest('minilm'),
    dimensions: 384,
    spec: { kind: 'minilm' },
  } as const;
  for (const version of [1, 2]) {
    const key = { tenant, index: sharedName, idempotencyKey: `built/${version}` };
    await indexes.open({
      ...key,
      recipe: { embedder, chunking: { kind: 'sentences', size: 256, overlap: version } },
      dataset,
      datasetVersion: 1,
      runId: null,
      actor: 'ada',
    });
    await indexes.changes.applied({
      tenant,
      index: sharedName,
      version,
      from: 0,
      to: 0,
      tableVersion: 9,
      chunks: 12,
      documents: 8,
    });
    const report = {
      documents: 7,
      chunks: 12,
      embedded: 12,
      rejected: {},
      vectors: 'flat',
      seconds: 3,
    } as const;
    await indexes.seal({ tenant, index: sharedName, version, report });
    const { champion } = await indexes.aliases({ tenant, index: sharedName });
    await indexes.promote({
      ...key,
      version,
      expectedChampion: champion ?? { version: null },
      actor: 'ada',
      cause: 'built',
    });
  }
  const { build } = await must<{ build: string }>(
    world,
    'POST',
    `/indexes/${sharedName}/builds`,
    buildRequest(dataset),
  );
  return build;
}

async function tracked({ url, keys }: ApiWorld): Promise<string> {
  const answer = await fetch(`${url}/api/2.0/mlflow/experiments/create`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys.operator}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: sharedName }),
  });
  return ((await answer.json()) as { experiment_id: string }).experiment_id;
}

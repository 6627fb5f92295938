import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { RunJson } from '../../apps/cli/run/view';
import type { Product } from '../support/process/product';
import { approve } from '../support/process/dying-product';
import { listJobPids } from '../support/process/job-processes';
import { startProduct } from '../support/process/product';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';
import { startReceiver, verified, type WebhookReceiver } from '../support/process/webhook-receiver';
import { until, untilAnswer } from '../support/time/until';

jest.setTimeout(180_000);

const secret = `whsec_${randomBytes(24).toString('base64')}`;
let product: Product;
let receiver: WebhookReceiver;

beforeAll(async () => {
  receiver = await startReceiver();
  product = await startProduct({
    env: { PERENNIAL_SECRET_HOOK: secret, PERENNIAL_NOTIFY_PRIVATE_ADDRESSES: 'true' },
  });
});
afterAll(async () => {
  await product.stop();
  await receiver.close();
});

async function applied(options: Parameters<typeof writeTinyLifecycle>[1]): Promise<string> {
  const folder = writeTinyLifecycle(product.workDir, options);
  await product.apply(folder);
  return options.name;
}

async function finished(lifecycle: string, body: Record<string, unknown> = {}): Promise<RunJson> {
  const started = await product.start(lifecycle, body);
  expect(started.status).toBe(202);
  return product.waitForEnd(started.body.id);
}

const champion = async (model: string): Promise<number | null> => {
  const { body } = await product.call<{ version: number | null }>(
    'GET',
    `/models/${model}/aliases/champion`,
  );
  return body.version;
};

const row = { at: '2024-05-01T10:00:00Z', entity: 'e1', kind: 'a', x: 1.5, y: -0.5 };

function infer(model: string, change: Record<string, unknown> = {}) {
  const values = { ...row, ...change };
  const tensor = (name: keyof typeof row, datatype: string) => ({
    name,
    shape: [1],
    datatype,
    data: [values[name]],
  });
  const inputs = [tensor('kind', 'BYTES'), tensor('x', 'FP64'), tensor('y', 'FP64')];
  const body = { inputs, parameters: { entity: values.entity, event_time: values.at } };
  return product.call<{ model_version: string; outputs: { name: string; data: number[] }[] }>(
    'POST',
    `${product.gatewayUrl}/v2/models/${model}/infer`,
    { body },
  );
}

describe('a lifecycle from nothing to an answer', () => {
  test('promotes a good model, serves it, and reuses unchanged stages', async () => {
    const model = 'good';
    const applying = await product.cli([
      'lifecycle',
      'apply',
      writeTinyLifecycle(product.workDir, { name: model }),
    ]);
    expect(applying).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/^good: revision 1 \(sha256:\w+\) applied\n$/) as string,
    });
    const first = await finished(model);
    expect(first).toMatchObject({ status: 'succeeded', version: 1, verdict: { kind: 'passed' } });
    expect(first.stages.map((stage) => stage.name)).toEqual([
      'ingest',
      'validate',
      'train',
      'evaluate',
      'promote',
    ]);
    expect(await champion(model)).toBe(1);

    const answer = await infer(model);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-perennial-model-version')).toBe('good@1');
    const score = answer.body.outputs.find((output) => output.name === 'score')?.data[0] ?? -1;
    expect(score).toBeGreaterThan(0.8);

    const again = await finished(model);
    expect(again).toMatchObject({
      status: 'succeeded',
      verdict: { reasons: [{ code: 'promote.unchanged' }] },
    });
    expect(again.stages.find((stage) => stage.name === 'train')?.reusedFrom).toBe(first.id);
  });

  test('rejects a model that is no better than the baseline', async () => {
    const model = await applied({ name: 'coin', learnable: false });
    const run = await finished(model);
    expect(run.status).toBe('stopped');
    expect(run.verdict?.kind).not.toBe('passed');
    expect(await champion(model)).toBeNull();
  });

  test('refuses a promotion without evidence, even a manual one', async () => {
    const model = await applied({
      name: 'ungated',
      evaluate: '{ metrics: [auc], gates: [], ungated: "a trial" }',
    });
    const run = await finished(model);
    expect(run).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    const byHand = await product.call('PUT', `/models/${model}/aliases/champion`, {
      body: { version: 1, reason: 'trust me' },
      headers: { 'if-match': '"0.0"' },
    });
    expect(byHand).toMatchObject({ status: 409, body: { code: 'Conflict' } });
    expect(await champion(model)).toBeNull();
  });

  test('rolls back with one command; the old version answers the next request, and a webhook gets every event', async () => {
    const url = await product.reach(receiver.url);
    const notify = `[{ webhook: "${url}/in", secret: { env: PERENNIAL_SECRET_HOOK }, events: [run.succeeded, model.promoted, model.rolled_back] }]`;
    const model = await applied({ name: 'back', evaluate: lenientGates, notify });
    await finished(model);
    const second = await finished(model, { params: { C: 0.5 } });
    expect(second).toMatchObject({ status: 'succeeded', version: 2 });
    expect((await infer(model)).headers.get('x-perennial-model-version')).toBe('back@2');
    const { exitCode, stderr } = await product.cli([
      'model',
      'rollback',
      model,
      '--reason',
      'test',
    ]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: 'back: @2 → @1\n' });
    await until(
      async () => (await infer(model)).headers.get('x-perennial-model-version') === 'back@1',
    );

    const heard = () =>
      receiver.calls.map(
        (call) => verified(call, secret) as { readonly type: string; readonly data: object },
      );
    await until(() => heard().length >= 5, { everyMs: 50 });
    expect(
      new Set(
        heard().map(({ type, data }) =>
          `${type} ${'to' in data ? `@${String(data.to)}` : ''}`.trim(),
        ),
      ),
    ).toEqual(
      new Set(
        ['@1', '@2']
          .map((to) => `dev.perennial.model.promoted ${to}`)
          .concat('dev.perennial.run.succeeded', 'dev.perennial.model.rolled_back @1'),
      ),
    );
    expect(heard()).toHaveLength(5);
  });
});

describe('triggers and commands', () => {
  test('50 parallel starts with one key make one run', async () => {
    const model = await applied({ name: 'once', evaluate: lenientGates });
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => product.start(model, {}, key)),
    );
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    const other = await product.start(model, { reason: 'another body' }, key);
    expect(other).toMatchObject({ status: 422, body: { code: 'IdempotencyConflict' } });
    const run = await product.waitForEnd(answers[0]?.body.id ?? '');
    expect(run.status).toBe('succeeded');
    const { body } = await product.call<{ items: RunJson[] }>('GET', `/runs?lifecycle=${model}`);
    expect(body.items).toHaveLength(1);
  });

  test('10 concurrent promotions leave one champion', async () => {
    const model = await applied({ name: 'race', evaluate: lenientGates });
    await finished(model);
    await finished(model, { params: { C: 0.5 } });
    const etag =
      (await product.call('GET', `/models/${model}/aliases/champion`)).headers.get('etag') ?? '';
    // It was compared with no champion, in a run that this key started.
    const override = { reason: 'race', selfApprove: true };
    const move = (version: number) =>
      product.call('PUT', `/models/${model}/aliases/champion`, {
        body: { version, reason: 'race', override },
        headers: { 'if-match': etag },
      });
    const answers = await Promise.all(Array.from({ length: 10 }, () => move(1)));
    // A later promotion finds another champion, or its own version.
    expect(
      answers.map((answer) => answer.status).every((status) => status === 200 || status === 412),
    ).toBe(true);
    const { body } = await product.call<{ items: { to: number }[] }>(
      'GET',
      `/models/${model}/history`,
    );
    expect(body.items.map((move) => move.to)).toEqual([1, 2, 1]);
    expect(await champion(model)).toBe(1);
  });

  test.each(['ingest', 'validate', 'train', 'evaluate', 'promote'])(
    'a run that is cancelled in %s leaves no job and no changed alias',
    async (stage) => {
      const model = await applied({
        name: `cancel-${stage}`,
        promote:
          stage === 'promote' ? '{ approval: { required: 1 } }' : '{ approval: { required: 0 } }',
      });
      const { body } = await product.start(model);
      await product.waitForStage(body.id, stage);
      await product.call('POST', `/runs/${body.id}/cancel`, { body: {} });
      const run = await product.waitForEnd(body.id);
      // A run may end before its cancellation, and then has its normal end.
      if (stage === 'train' || stage === 'evaluate' || stage === 'promote')
        expect(run.status).toBe('cancelled');
      if (run.status === 'cancelled') expect(await champion(model)).toBeNull();
      expect(listJobPids('job', product)).toEqual([]);
    },
  );

  test('shows that it waits for an approver, and exits with 3 when a gate fails', async () => {
    const model = await applied({ name: 'approved', promote: '{ approval: { required: 1 } }' });
    const { body } = await product.start(model);
    await product.waitForStage(body.id, 'promote');
    let run = await product.run(body.id);
    while (run.status !== 'waiting') run = await product.run(body.id);
    expect(run.waitingFor).toContain('1 approval of');
    // The key that started the run may not approve it.
    expect(await product.cli(['run', 'approve', body.id])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('perennial key create') as string,
    });
    await approve(product, body.id);
    expect((await product.waitForEnd(body.id)).status).toBe('succeeded');

    await applied({ name: 'refused', learnable: false });
    const waited = await product.cli(['run', 'start', 'refused', '--wait', '--json']);
    expect(waited.exitCode).toBe(3);
    expect(JSON.parse(waited.stdout)).toMatchObject({ status: 'stopped' });
  });

  test('a rerun reuses the earlier stages', async () => {
    const model = await applied({ name: 'rerun', evaluate: lenientGates });
    const first = await finished(model);
    const again = await product.call<RunJson>('POST', `/runs/${first.id}/rerun`, {
      body: { fromStage: 'train' },
    });
    expect(again.status).toBe(202);
    const run = await product.waitForEnd(again.body.id);
    expect(
      run.stages.filter((stage) => stage.reusedFrom === first.id).map((stage) => stage.name),
    ).toEqual(['ingest', 'validate']);
  });

  test('one trace id leads from the call to the job’s log line', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const model = await applied({ name: 'traced', evaluate: lenientGates });
    const started = await product.call<RunJson>('POST', `/lifecycles/${model}/runs`, {
      body: {},
      headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` },
    });
    const run = await product.waitForEnd(started.body.id);
    expect(run.traceId).toBe(traceId);
    const logs = await product.call<string>('GET', `/runs/${run.id}/logs`);
    expect(logs.body).toContain(traceId);
  });
});

test('somebody without access can check that a change is in the audit log', async () => {
  const run = await finished(await applied({ name: 'proved', evaluate: lenientGates }));
  const rows = await product.call<{ items: readonly { id: string }[] }>(
    'GET',
    `/audit?subject=run:${run.id}&pageSize=1`,
  );
  const id = rows.body.items[0]?.id ?? '';
  const file = join(product.workDir, 'proof.json');
  await untilAnswer(
    () => product.cli(['audit', 'prove', id, '--output', file]),
    ({ exitCode }) => exitCode === 0,
    { seconds: 60, everyMs: 1_000 },
  );
  const keys = await product.call<{ items: readonly { fingerprint: string }[] }>(
    'GET',
    '/audit/keys',
  );
  const check = (key: string) => product.cli(['audit', 'check-proof', file, '--key', key]);
  const { exitCode, stdout } = await check(keys.body.items[0]?.fingerprint ?? '');
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ id, subject: `run:${run.id}` });
  expect(await check(`sha256:${'0'.repeat(64)}`)).toMatchObject({ exitCode: 1, stdout: '' });
});

describe('authorization', () => {
  test('no key, a wrong key, a viewer', async () => {
    const model = await applied({ name: 'guarded', evaluate: lenientGates });
    await finished(model);
    expect(await product.call('GET', '/runs', { key: null })).toMatchObject({
      status: 401,
      body: { code: 'MissingApiKey' },
    });
    expect(await product.call('GET', '/runs', { key: 'pk_no_such' })).toMatchObject({
      status: 401,
      body: { code: 'InvalidApiKey' },
    });
    const { body } = await product.call<{ id: string; key: string }>('POST', '/api-keys', {
      body: { name: 'eyes', scope: 'viewer' },
    });
    expect((await product.call('GET', '/runs', { key: body.key })).status).toBe(200);
    const promotion = {
      body: { version: 1, reason: 'me' },
      headers: { 'if-match': '"1"' },
      key: body.key,
    };
    expect(await product.call('PUT', `/models/${model}/aliases/champion`, promotion)).toMatchObject(
      {
        status: 403,
        body: { code: 'Forbidden' },
      },
    );
    await product.call('POST', `/api-keys/${body.id}/revoke`, { body: {} });
    expect((await product.call('GET', '/runs', { key: body.key })).status).toBe(401);
  });
});

/**
 * Two workers, two APIs and two gateways on six machines. What the end-to-end tests of one machine
 * assert also runs here (jest.config.cjs); this file has what only several machines can show.
 */
import { randomUUID } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { RunJson } from '../../apps/cli/run/view';
import { readLifecycleFolder } from '../../apps/cli/lifecycle/folder';
import { openArtifactStore } from '../../data/artifact/store';
import { openDatabase, type Database } from '../../db/connection';
import { createRegistry } from '../../db/registry';
import type { Tenant } from '../../domain/ids';
import { isFinal } from '../../domain/run/run';
import { startCluster, type Cluster } from '../support/machines/cluster';
import type { Machine } from '../support/machines/machine';
import type { Answer } from '../support/process/product';
import { pause } from '../support/process/product';
import { startTraffic } from '../support/rollout/traffic';
import { openTrials } from '../support/rollout/trials';
import { until, untilAnswer } from '../support/time/until';
import { lenientGates, writeTinyLifecycle, type TinyOptions } from '../support/tiny-lifecycle';

jest.setTimeout(240_000);

const root = resolve(__dirname, '..', '..');
const team = 'team-b';
let cluster: Cluster;
let database: Database;
let teamKey = '';

beforeAll(async () => {
  const workDir = mkdtempSync(join(tmpdir(), 'perennial-machines-'));
  const trainersDir = join(workDir, 'trainers');
  for (const from of [['trainers'], ['test', 'support', 'machines', 'trainers']])
    cpSync(join(root, ...from), trainersDir, { recursive: true });
  cluster = await startCluster({ workDir, env: { PERENNIAL_TRAINERS_DIR: trainersDir } });
  database = openDatabase({ url: cluster.databaseUrl, maxConnections: 3 });
  const made = await cluster.cli(['tenant', 'create', team]);
  teamKey = made.stdout.trim();
  // Fires in every minute while the other tests run.
  await apply(
    { name: 'timed', evaluate: lenientGates, seed: 11 },
    'schedule: { cron: "* * * * *" }',
  );
});
afterAll(async () => {
  await database.close();
  await cluster.stop();
});

async function apply(options: TinyOptions, more = '', key = cluster.apiKey): Promise<string> {
  const folder = writeTinyLifecycle(cluster.workDir, options);
  const read = readLifecycleFolder(folder, '.');
  const { status, body: answer } = await cluster.call('PUT', `/lifecycles/${options.name}`, {
    body: { ...read, document: `${read.document}  ${more}\n` },
    key,
  });
  if (status !== 200) throw new Error(`${options.name}: ${status} ${JSON.stringify(answer)}`);
  return options.name;
}

const at = (url: string, path: string) => cluster.call<RunJson>('GET', `${url}/api/v1${path}`);

async function succeeded(id: string, key = cluster.apiKey): Promise<RunJson> {
  const { body } = await untilAnswer(
    () => cluster.call<RunJson>('GET', `/runs/${id}`, { key }),
    (answer) => answer.status === 200 && isFinal(answer.body.status),
    { seconds: 180, everyMs: 200 },
  );
  if (body.status !== 'succeeded')
    throw new Error(`${id} is ${body.status}: ${JSON.stringify(body.failure ?? body.verdict)}`);
  return body;
}

interface Scored {
  readonly model_version: string;
  readonly outputs: readonly { readonly name: string; readonly data: readonly number[] }[];
}

function infer(gateway: string, model: string, entity: string): Promise<Answer<Scored>> {
  const tensor = (name: string, datatype: string, value: unknown) => ({
    name,
    shape: [1],
    datatype,
    data: [value],
  });
  const inputs = [
    tensor('kind', 'BYTES', 'a'),
    tensor('x', 'FP64', 1.5),
    tensor('y', 'FP64', -0.5),
  ];
  return cluster.call<Scored>('POST', `${gateway}/v2/models/${model}/infer`, {
    body: { inputs, parameters: { entity, event_time: '2024-05-01T10:00:00Z' } },
  });
}

function logsOfJobs(machine: Machine): string {
  const jobs = join(machine.files, cluster.stateDir, 'state', 'compute');
  const files = readdirSync(jobs).map((job) => join(jobs, job, 'log.txt'));
  return files.map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : '')).join('');
}

/** The machine that runs a job of the trainer `patient`. */
async function machineOfJob(): Promise<{ readonly busy: Machine; readonly other: Machine }> {
  const workers = cluster.machines.worker;
  const isBusy = (machine: Machine) => logsOfJobs(machine).includes('does step');
  await until(() => workers.some(isBusy), { seconds: 60, everyMs: 100 });
  const [first, second] = workers;
  return isBusy(first) ? { busy: first, other: second } : { busy: second, other: first };
}

describe('two of each process on their own machines', () => {
  test('a run that one API accepted is read from the other, and both gateways give the same score', async () => {
    const model = await apply({ name: 'spread' });
    const [first, second] = cluster.urls.api;
    const started = await cluster.call<RunJson>('POST', `${first}/api/v1/lifecycles/spread/runs`, {
      body: {},
    });
    expect(started.status).toBe(202);
    expect((await at(second, `/runs/${started.body.id}`)).status).toBe(200);
    expect(await succeeded(started.body.id)).toMatchObject({ version: 1 });
    const answers = await Promise.all(
      cluster.urls.gateway.map((gateway) =>
        untilAnswer(
          () => infer(gateway, model, 'e1'),
          ({ status }) => status === 200,
          { seconds: 10, everyMs: 50 },
        ),
      ),
    );
    const readScore = ({ body }: Answer<Scored>) =>
      body.outputs.find(({ name }) => name === 'score')?.data[0];
    expect(answers.map(({ body }) => body.model_version)).toEqual(['1', '1']);
    const [ofFirst, ofSecond] = answers.map(readScore);
    expect(ofFirst).toBeGreaterThan(0.8);
    expect(ofSecond).toBe(ofFirst);
  });

  test('50 starts with one key on two APIs make one run', async () => {
    const model = await apply({ name: 'once', evaluate: lenientGates });
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => cluster.start(model, {}, key)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    await succeeded(answers[0]?.body.id ?? '');
  });

  test('a canary divides entities in the same way on both gateways, and both return to the champion after a rollback', async () => {
    const trials = openTrials(cluster);
    const model = await trials.withChampion('shared');
    const run = await trials.open(model, 0.5);
    await cluster.cli(['rollout', 'skip', model, '--reason', 'a test']);
    await trials.until(model, ({ weight }) => weight === 0.5);
    const entities = Array.from({ length: 40 }, (_, index) => `e${index}`);
    const versions = await untilAnswer(
      () =>
        Promise.all(
          cluster.urls.gateway.map((gateway) =>
            Promise.all(
              entities.map(async (entity) =>
                (await infer(gateway, model, entity)).headers.get('x-perennial-model-version'),
              ),
            ),
          ),
        ),
      (all) => all.every((each) => new Set(each).size === 2),
      { seconds: 10, everyMs: 100 },
    );
    expect(versions[0]).toEqual(versions[1]);
    const traffic = startTraffic(cluster, model, { from: '2024-05-01T00:00:00Z' });
    expect(await cluster.waitForEnd(run.id)).toMatchObject({ status: 'succeeded', version: 2 });
    expect((await traffic.stop()).failures).toEqual([]);
    const isAnsweredBy = async (version: number) =>
      (await Promise.all(cluster.urls.gateway.map((gateway) => infer(gateway, model, 'e1')))).every(
        ({ body }) => body.model_version === String(version),
      );
    await until(() => isAnsweredBy(2), { seconds: 5 });
    expect((await cluster.cli(['model', 'rollback', model, '--reason', 'a test'])).exitCode).toBe(
      0,
    );
    expect(await until(() => isAnsweredBy(1), { seconds: 5 })).toBeLessThan(2_000);
  });
});

describe('a machine that is gone', () => {
  test('the job of a destroyed worker continues on the other one, and both logs can be read', async () => {
    const model = await apply({
      name: 'moved',
      trainer: 'patient',
      params: '{ steps: 40, step_seconds: 0.5 }',
      evaluate:
        '{ metrics: [auc], gates: [{ name: any, kind: threshold, metric: auc, min: 0.4 }] }',
    });
    const { body } = await cluster.start(model);
    const { busy } = await machineOfJob();
    await pause(12_000);
    await busy.destroy();
    const run = await succeeded(body.id);
    expect(run.stages.map(({ name }) => name)).toContain('train');
    const logs = (await cluster.call<string>('GET', `/runs/${run.id}/logs`)).body;
    expect(new Set(logs.match(/process \S+ does step/g)).size).toBe(2);
    await busy.replace();
    await cluster.ready(busy);
  });

  test('an API and a gateway that are gone are not missed, and their replacements serve at once', async () => {
    const gone = [cluster.machines.api[0], cluster.machines.gateway[0]];
    await Promise.all(gone.map((machine) => machine.destroy()));
    const { body } = await cluster.call<RunJson>(
      'POST',
      `${cluster.urls.api[1]}/api/v1/lifecycles/spread/runs`,
      { body: { params: { C: 0.3 } } },
    );
    const ended = await untilAnswer(
      () => at(cluster.urls.api[1], `/runs/${body.id}`),
      (answer) => isFinal(answer.body.status),
      { seconds: 120, everyMs: 200 },
    );
    expect(ended.body.failure).toBeNull();
    expect((await infer(cluster.urls.gateway[1], 'spread', 'e1')).status).toBe(200);
    await Promise.all(gone.map((machine) => machine.replace()));
    await Promise.all(gone.map((machine) => cluster.ready(machine)));
    expect((await infer(cluster.urls.gateway[0], 'spread', 'e1')).status).toBe(200);
  });
});

describe('a broken network', () => {
  test.each(['s3', 'temporal', 'postgres'] as const)(
    'a run ends well although a worker does not reach %s for ten seconds',
    async (service) => {
      const model = await apply({ name: `cut-${service}`, evaluate: lenientGates });
      const { body } = await cluster.start(model);
      await cluster.waitForStage(body.id, 'validate');
      const address = cluster.services[service];
      for (const machine of cluster.machines.worker) machine.cutOff(address);
      await pause(10_000);
      for (const machine of cluster.machines.worker) machine.reach(address);
      expect(await succeeded(body.id)).toMatchObject({ version: 1, failure: null });
    },
  );

  test('a gateway without a network serves again once its link is up', async () => {
    const [gateway] = cluster.machines.gateway;
    gateway.setLink('down');
    await pause(8_000);
    gateway.setLink('up');
    await until(
      async () =>
        (await infer(cluster.urls.gateway[0], 'spread', 'e1').catch(() => null))?.status === 200,
      { seconds: 30, everyMs: 100 },
    );
  });
});

describe('work that exactly one of two workers must do', () => {
  test('unused artifacts of every tenant are collected', async () => {
    const registry = createRegistry(database);
    const { settings } = cluster;
    const s3 = {
      endpoint: settings['PERENNIAL_S3_ENDPOINT'] ?? '',
      region: settings['AWS_REGION'] ?? '',
      bucket: settings['PERENNIAL_S3_BUCKET'] ?? '',
      accessKeyId: settings['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: settings['AWS_SECRET_ACCESS_KEY'] ?? '',
    };
    const store = openArtifactStore({ ...s3, leases: registry.artifacts });
    // Without leases, a look at an artifact does not keep it.
    const bare = openArtifactStore({ ...s3, leases: null });
    const tenants = ['default', team] as Tenant[];
    const bytes = Buffer.from(`unused ${randomUUID()}`);
    const unused = await Promise.all(
      tenants.map((tenant) => store.putBytes({ tenant, bytes, mediaType: 'text/plain' })),
    );
    const later = async () => {
      await database.sql`update artifacts set touched_at = touched_at - interval '8 days', marked_at = marked_at - interval '8 days' where digest = ${unused[0]?.digest ?? ''}`;
      await database.sql`update artifact_leases set until = until - interval '8 days' where digest = ${unused[0]?.digest ?? ''}`;
    };
    // A worker looks for unused artifacts when it starts: one marks them, the other deletes them.
    for (const machine of cluster.machines.worker) {
      await later();
      await machine.replace();
      await cluster.ready(machine);
      await until(
        async () => {
          const rows = await database.sql<
            { markedAt: Date | null }[]
          >`select marked_at from artifacts where digest = ${unused[0]?.digest ?? ''}`;
          return rows.every(({ markedAt }) => markedAt !== null);
        },
        { seconds: 30, everyMs: 200 },
      );
    }
    for (const ref of unused)
      await until(async () => !(await bare.exists(ref)), { seconds: 30, everyMs: 200 });
    for (const each of [store, bare]) each.close();
  });

  test('two tenants run and serve a lifecycle of one name side by side', async () => {
    await apply({ name: 'spread' }, '', teamKey);
    const { body } = await cluster.call<RunJson>('POST', '/lifecycles/spread/runs', {
      body: {},
      key: teamKey,
    });
    expect(await succeeded(body.id, teamKey)).toMatchObject({ version: 1 });
    expect((await cluster.call('GET', `/runs/${body.id}`)).status).toBe(404);
  });

  test('a schedule fires once in each minute', async () => {
    await cluster.cli(['schedule', 'pause', 'timed', '--reason', 'the test ends']);
    const runs = await database.sql<
      { minute: string }[]
    >`select to_char(created_at, 'HH24:MI') as minute from runs where lifecycle = 'timed'`;
    const minutes = runs.map(({ minute }) => minute);
    expect(minutes.length).toBeGreaterThan(0);
    expect(new Set(minutes).size).toBe(minutes.length);
  });

  test('the audit log is complete, whichever API verifies it', async () => {
    for (const url of cluster.urls.api) {
      const answer = await cluster.call('GET', `${url}/api/v1/audit/verify`);
      expect(answer).toMatchObject({ status: 200, body: { findings: [] } });
    }
  });
});

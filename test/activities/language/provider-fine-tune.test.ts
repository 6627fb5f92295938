import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createProviderFineTuneActivities } from '../../../activities/language/provider-fine-tune';
import { openEndpoint } from '../../../data/language/provider/endpoint';
import type { PreparedExamples } from '../../../activities/language/prepare-examples';
import { sha256 } from '../../../data/digest';
import {
  providerFineTuning,
  type FineTuningOrder,
  type ProviderFineTuning,
} from '../../../data/language/provider/provider-fine-tuning';
import type { Registry } from '../../../db/registry';
import { effectKey, type RunId, type Tenant } from '../../../domain/ids';
import type { FineTuneSpec } from '../../../domain/lifecycle/llm/llm-lifecycle';
import {
  scriptedFineTuning,
  type Absence,
  type ScriptedFineTuning,
} from '../../support/provider/scripted-fine-tuning';

const runId = 'run_1' as RunId;
const tenant = 'default' as Tenant;
const order: FineTuningOrder = {
  name: 'perennial-run_1.jsonl',
  model: 'small-1',
  train: Buffer.from('{"messages":[]}\n'),
  holdout: Buffer.from('{"messages":[]}\n'),
  hyperparameters: {},
  seed: 17,
};
const signal = new AbortController().signal;

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

interface RecordedEvent {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A provider's fine-tuning over real HTTP. */
async function provided(script: ScriptedFineTuning): Promise<ProviderFineTuning> {
  const server: Server = createServer((request, response) => void script.serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const endpoint = openEndpoint({
    provider: 'acme',
    url,
    allowPrivateAddresses: true,
    key: null,
    authorize: () => ({}),
  });
  open.push(
    () => endpoint.close(),
    () => new Promise((resolve) => server.close(resolve)),
  );
  return providerFineTuning('acme', endpoint);
}

const key = effectKey(runId, 'fine-tune', 'order', 1);
const shortTimes = { lookMs: 1, answerMs: 2_000, orderMs: 2_000, turnMs: 60_000, tellMs: 60_000 };

/** Submits a job, and returns a function that follows it. */
async function watching(script: ScriptedFineTuning, pace: { readonly turnMs?: number } = {}) {
  const tuning = await provided(script);
  const { job } = await tuning.submit(order, signal);
  const recorded: RecordedEvent[] = [];
  const activities = createProviderFineTuneActivities(
    {
      registry: {
        effects: { claim: never, complete: never, assertOwned: never, list: never },
        events: eventsInto(recorded),
      },
      artifacts: { getBytes: never },
      access: { fineTuning: () => tuning },
    },
    { ...shortTimes, ...pace },
  );
  const look = (
    more: {
      readonly awaySince?: string | null;
      readonly patienceSeconds?: number;
      readonly lastHeartbeat?: unknown;
    } = {},
  ) => {
    const { awaySince = null, patienceSeconds = 3_600, lastHeartbeat } = more;
    const environment = new MockActivityEnvironment(
      lastHeartbeat === undefined ? {} : { heartbeatDetails: lastHeartbeat },
    );
    return environment.run(activities.awaitFineTuning, {
      tenant,
      runId,
      key,
      provider: 'acme',
      job,
      awaySince,
      patienceSeconds,
    });
  };
  return { look, recorded };
}

/** Returns a function that submits a job, as one attempt of the activity. */
async function ordering(script: ScriptedFineTuning, { timeoutSeconds = 3_600 } = {}) {
  const tuning = await provided(script);
  const recorded: RecordedEvent[] = [];
  let done: unknown = null;
  const activities = createProviderFineTuneActivities(
    {
      registry: {
        effects: {
          claim: () =>
            Promise.resolve(
              done === null ? { kind: 'claimed', token: 1 } : { kind: 'done', result: done },
            ),
          complete: ({ result }) => Promise.resolve((done = result)).then(() => undefined),
          assertOwned: () => Promise.resolve(),
          list: never,
        },
        events: eventsInto(recorded),
      },
      artifacts: { getBytes: () => Promise.resolve(order.train) },
      access: { fineTuning: () => tuning },
    },
    shortTimes,
  );
  const file = {
    uri: 's3://test/x',
    digest: sha256('x'),
    bytes: 1,
    mediaType: 'application/jsonl',
  };
  const submit = (lastHeartbeat?: unknown) => {
    const environment = new MockActivityEnvironment(
      lastHeartbeat === undefined ? {} : { heartbeatDetails: lastHeartbeat },
    );
    const prepared = { train: file, holdout: file } as unknown as PreparedExamples;
    const fineTune = {
      params: {},
      seed: 17,
      compute: { timeoutSeconds },
    } as unknown as FineTuneSpec;
    return environment.run(activities.submitFineTuning, {
      tenant,
      runId,
      key,
      provider: 'acme',
      prepared,
      model: 'small-1',
      fineTune,
    });
  };
  return { submit, recorded };
}

function eventsInto(recorded: RecordedEvent[]): Registry['events'] {
  return {
    append: ({ kind, data }) => Promise.resolve(recorded.push({ kind, data })),
    list: never,
    listen: never,
  };
}

function never(): never {
  throw new Error('this test does not expect the call');
}

const ways: readonly Absence[] = ['unavailable', 'limited', 'cut', 'garbage'];

test('a job is followed again after its provider was unavailable for many polls', async () => {
  const script = scriptedFineTuning({
    looks: 3,
    away: (look) => (look <= 40 ? (ways[look % ways.length] ?? null) : null),
  });
  const { look, recorded } = await watching(script);
  expect(await look()).toEqual({
    kind: 'succeeded',
    model: 'ft:small-1:ftjob-1',
    trainedTokens: 1_234,
  });
  expect(script.jobs.map(({ looks, status }) => [looks, status])).toEqual([[41, 'succeeded']]);
  // The outage is reported once with its start, and once when it is over.
  expect(recorded.map(({ kind }) => kind)).toEqual(['provider.away', 'provider.back']);
  const [away] = recorded;
  expect(away?.data).toMatchObject({
    provider: 'acme',
    job: 'ftjob-1',
    reason: expect.stringContaining('acme') as string,
  });
  expect(Date.now() - Date.parse(String(away?.data['since']))).toBeLessThan(60_000);
});

test('the start of an outage is kept across turns and lost workers', async () => {
  const script = scriptedFineTuning({ away: () => 'unavailable' });
  const { look } = await watching(script, { turnMs: 0 });
  const since = '2026-03-01T10:00:00.000Z';
  const longAgo = { patienceSeconds: 1e9 };
  expect(await look({ ...longAgo, awaySince: since })).toMatchObject({
    kind: 'away',
    since,
    reason: expect.stringContaining('503') as string,
  });
  expect(await look({ ...longAgo, lastHeartbeat: { kind: 'away', since } })).toMatchObject({
    kind: 'away',
    since,
  });
  // The previous attempt got a response, so its outage had ended.
  expect(
    await look({
      ...longAgo,
      awaySince: since,
      lastHeartbeat: { kind: 'running', status: 'queued' },
    }),
  ).not.toMatchObject({ since });
});

test('an outage longer than the stage may take fails with the reason', async () => {
  const { look } = await watching(scriptedFineTuning({ away: () => 'cut' }));
  const since = new Date(Date.now() - 61_000).toISOString();
  await expect(look({ awaySince: since, patienceSeconds: 60 })).rejects.toMatchObject({
    type: 'JobTimeout',
    message: expect.stringMatching(
      new RegExp(`^acme has been unavailable since ${since}.*ftjob-1`),
    ) as string,
  });
});

test('a permanent error fails at once', async () => {
  const { look } = await watching(scriptedFineTuning({ looks: 1, fails: 'too few examples' }));
  await expect(look()).rejects.toMatchObject({
    type: 'JobFailed',
    message: 'acme failed to fine-tune the model (ftjob-1): too few examples',
  });
});

test('a submission is retried while the provider is unavailable, and is accepted once', async () => {
  // Unavailable at first, then after a file, and after a job was made but the response was lost.
  const script = scriptedFineTuning({
    dropped: (made) => made === 1,
    awayAtOrders: (request) =>
      request <= 40 || request % 7 === 0 ? (ways[request % ways.length] ?? null) : null,
  });
  const { submit, recorded } = await ordering(script);
  expect(await submit()).toEqual({ job: 'ftjob-1' });
  expect(script.jobs).toHaveLength(1);
  expect(new Set(script.files.map(({ filename }) => filename)).size).toBe(script.files.length);
  expect(recorded.map(({ kind }) => kind)).toEqual(['provider.away', 'provider.back']);
  expect(recorded[0]?.data).not.toHaveProperty('job');
  expect(await submit()).toEqual({ job: 'ftjob-1' });
  expect(script.jobs).toHaveLength(1);
});

test("a submission fails after the stage's time limit, which counts across lost workers", async () => {
  const script = scriptedFineTuning({ awayAtOrders: () => 'unavailable' });
  const { submit } = await ordering(script, { timeoutSeconds: 60 });
  const since = new Date(Date.now() - 61_000).toISOString();
  await expect(submit({ kind: 'away', since })).rejects.toMatchObject({
    type: 'JobTimeout',
    message: expect.stringMatching(
      new RegExp(`^acme has been unavailable since ${since}.*accepted no job`),
    ) as string,
  });
  expect(script.jobs).toHaveLength(0);
});

test('a rejected submission is not retried', async () => {
  const { submit, recorded } = await ordering({
    ...scriptedFineTuning(),
    serve: (_, response) => Promise.resolve(!!response.writeHead(401).end('{}')),
  });
  await expect(submit()).rejects.toMatchObject({ type: 'ProviderDenied' });
  expect(recorded).toEqual([]);
});

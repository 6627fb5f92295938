import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultTenant as tenant, type PredictionId } from '../../../../domain/ids';
import type { ModelVersionRef } from '../../../../domain/model/model';
import type { DuePair, RolloutRecord } from '../../../../db/rollout/records';
import type { GatewayProcess } from '../../../support/process/gateway-process';
import { testBucket, migratedDatabase } from '../../../support/platform';
import {
  distanceModel,
  distanceRequest,
  type TestModel,
} from '../../../support/serving/served-models';
import { openServingWorld, type ServingWorld } from '../../../support/serving/serving-world';
import { until } from '../../../support/time/until';

let folder: string;
let database: Awaited<ReturnType<typeof migratedDatabase>>;
let world: ServingWorld;
let gateways: GatewayProcess[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-rollout-'));
  database = await migratedDatabase();
  world = await openServingWorld(database.url, testBucket());
  gateways = await Promise.all([
    world.startGateway(join(folder, 'a')),
    world.startGateway(join(folder, 'b')),
  ]);
});

afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await world.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const by = { actor: 'test', cause: 'test' };
const entities = Array.from({ length: 60 }, (_, index) => `N${index}`);

interface Answer {
  readonly status: number;
  readonly version: number;
  readonly id: PredictionId;
  /** Whether score and body belong to the version in the headers. */
  readonly isConsistent: boolean;
}

/**
 * The distance is zero, so each version of `model` answers with its bias, which is its number.
 */
async function ask(
  gateway: GatewayProcess,
  model: string,
  entity: string,
  eventTime?: string,
): Promise<Answer> {
  const answer = await fetch(`${gateway.url}/v2/models/${model}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${world.keys.operator}` },
    body: JSON.stringify({
      ...distanceRequest([{ carrier: null, distance: 0 }]),
      parameters: { entity, event_time: eventTime },
    }),
  });
  const body = (await answer.json()) as { model_version?: string; outputs?: { data: unknown[] }[] };
  const version = Number(answer.headers.get('x-perennial-model-version')?.split('@')[1]);
  return {
    status: answer.status,
    version,
    id: answer.headers.get('x-perennial-prediction-id') as PredictionId,
    isConsistent: body.model_version === String(version) && body.outputs?.[0]?.data[0] === version,
  };
}

const first = (): GatewayProcess => gateways[0] as GatewayProcess;

async function versionsBy(gateway: GatewayProcess, model: string): Promise<readonly number[]> {
  const answers = await Promise.all(entities.map((entity) => ask(gateway, model, entity)));
  expect(answers.filter(({ status, isConsistent }) => status !== 200 || !isConsistent)).toEqual([]);
  return answers.map(({ version }) => version);
}

const inTime = (condition: () => Promise<boolean>) =>
  until(condition, {
    seconds: 60,
    everyMs: 5,
    detail: () => gateways.map((gateway) => gateway.log()).join('\n'),
  });

/** Milliseconds until every gateway serves the current routing table. */
async function confirmed(): Promise<number> {
  const { epoch } = await world.registry.routing.table();
  return inTime(async () => {
    const live = await world.registry.gateways.live();
    return gateways.every(({ url }) =>
      live.some((each) => each.url === url && each.epoch >= epoch),
    );
  });
}

/** Champion 1 and challenger 2, in shadow. */
async function opened(
  model: string,
  challenger: TestModel = distanceModel(2),
  over: { paired?: boolean } = {},
): Promise<RolloutRecord> {
  await world.promote(await world.register({ ...distanceModel(1), model }));
  const rollout = await world.openRollout(await world.register({ ...challenger, model }), over);
  await confirmed();
  return rollout;
}

async function toStep({ id }: RolloutRecord, step: number, weight: number): Promise<void> {
  await world.registry.rollouts.setStep({ tenant, id, step, weight, ...by });
  await confirmed();
}

const rollBack = ({ id }: RolloutRecord) =>
  world.registry.rollouts.end({
    tenant,
    id,
    status: 'rolledBack',
    verdict: null,
    decisionId: null,
    ...by,
  });

const stored = (id: PredictionId) =>
  inTime(async () => (await world.registry.predictions.get({ tenant, id })) !== null);

test('in shadow the champion answers all requests, and both scores join the label', async () => {
  const { rollouts, predictions } = world.registry;
  const rollout = await opened('in-shadow');
  const { id } = rollout;
  const at = '2013-08-01T09:00:00.000Z';
  const answers = await Promise.all(
    entities.map((entity, index) =>
      ask(gateways[index % 2] as GatewayProcess, 'in-shadow', entity, at),
    ),
  );
  expect(new Set(answers.map(({ version }) => version))).toEqual(new Set([1]));
  // Labels are due six hours after their request, in the time of the requests.
  const later = await Promise.all(
    entities
      .slice(0, 3)
      .map((entity) => ask(first(), 'in-shadow', entity, '2013-08-01T16:30:00.000Z')),
  );
  for (const { id: prediction } of [...answers, ...later]) await stored(prediction);
  const row = await predictions.get({ tenant, id: answers[0]?.id as PredictionId });
  expect(row).toMatchObject({
    version: 1,
    rollout: { id, step: 0 },
    other: { version: 2, role: 'shadow', score: 2, error: null },
  });
  expect(row?.other?.latencyMs).toBeGreaterThan(0);

  const response = await fetch(`${first().url}/v1/feedback`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${world.keys.operator}` },
    body: JSON.stringify(answers.map(({ id: predictionId }) => ({ predictionId, label: 1 }))),
  });
  expect(response.status).toBe(200);
  const pairs: DuePair[] = [];
  await rollouts.consume({
    tenant,
    id,
    limit: 1000,
    settleMs: 0,
    fold(state, batch) {
      pairs.push(...batch.pairs);
      return state;
    },
  });
  expect(pairs).toHaveLength(60);
  for (const pair of pairs)
    expect(pair).toMatchObject({
      eventTime: at,
      label: 1,
      champion: 1,
      challenger: 2,
      servedBy: 'champion',
      step: 0,
    });
  expect((await rollouts.traffic({ tenant, id })).step).toMatchObject({
    champion: { assigned: 63, requests: 63, errors: 0, labelled: 60 },
    challenger: { assigned: 0, requests: 63, errors: 0 },
  });
  await rollBack(rollout);
});

test('the champion answers what the challenger fails, which counts against the challenger', async () => {
  const demanding: TestModel = {
    ...distanceModel(2),
    request: [...distanceModel(2).request, { name: 'seats', type: 'number' }],
    sql: 'SELECT carrier, distance + 0 * seats AS distance FROM request',
  };
  const rollout = await opened('failing', demanding);
  await toStep(rollout, 1, 0.5);
  const answers = await Promise.all(entities.map((entity) => ask(first(), 'failing', entity)));
  expect(
    answers.every(
      ({ status, version, isConsistent }) => status === 200 && version === 1 && isConsistent,
    ),
  ).toBe(true);
  for (const { id } of answers) await stored(id);
  const { step } = await world.registry.rollouts.traffic({ tenant, id: rollout.id });
  expect(step.challenger).toMatchObject({ requests: 60, errors: 60 });
  expect(step.challenger.assigned).toBeGreaterThan(10);
  expect(step.champion).toMatchObject({ assigned: 60 - step.challenger.assigned, errors: 0 });
  await rollBack(rollout);
});

test('an entity keeps its arm in all gateways, after a restart and while the share grows', async () => {
  const rollout = await opened('sticky', distanceModel(2), { paired: false });
  await toStep(rollout, 1, 0.25);
  const small = await versionsBy(first(), 'sticky');
  expect(new Set(small)).toEqual(new Set([1, 2]));
  expect(await versionsBy(gateways[1] as GatewayProcess, 'sticky')).toEqual(small);
  await toStep(rollout, 2, 0.5);
  await first().kill('SIGKILL');
  gateways[0] = await world.startGateway(join(folder, 'a'));
  await confirmed();
  const grown = await versionsBy(first(), 'sticky');
  expect(await versionsBy(gateways[1] as GatewayProcess, 'sticky')).toEqual(grown);
  small.forEach((version, index) => version === 2 && expect(grown[index]).toBe(2));
  expect(grown.filter((version) => version === 2).length).toBeGreaterThan(
    small.filter((version) => version === 2).length,
  );
  await rollBack(rollout);

  const again = await world.openRollout({ model: 'sticky', version: 2 } as ModelVersionRef);
  await toStep(again, 1, 0.5);
  expect(await versionsBy(first(), 'sticky')).not.toEqual(grown);
  await rollBack(again);
});

test('under load a rollout fails no request and mixes no answers, and its end stops the challenger', async () => {
  await world.promote(await world.register({ ...distanceModel(1), model: 'busy' }));
  const challenger = await world.register({ ...distanceModel(2), model: 'busy' });
  let isSending = true;
  const answers = new Array<number>(8).fill(0);
  const wrong: Answer[] = [];
  const seen = new Set<number>();
  const confirmedAfter: number[] = [];
  const sendRequests = async (place: number): Promise<void> => {
    const gateway = gateways[place % 2] as GatewayProcess;
    for (let turn = 0; isSending; turn += 1) {
      const answer = await ask(gateway, 'busy', `N${place}-${turn % 50}`);
      answers[place] = (answers[place] ?? 0) + 1;
      seen.add(answer.version);
      if (answer.status !== 200 || !answer.isConsistent) wrong.push(answer);
    }
  };
  /** Waits until each gateway has answered a request that started after this call. */
  const eachAnswered = () => {
    const before = [...answers];
    return inTime(() =>
      Promise.resolve(answers.every((count, place) => count >= (before[place] ?? 0) + 2)),
    );
  };
  await confirmed();
  const sending = Promise.all(Array.from({ length: 8 }, (_, place) => sendRequests(place)));
  for (let round = 0; round < 4; round += 1) {
    const rollout = await world.openRollout(challenger);
    await confirmed();
    await toStep(rollout, 1, 0.25);
    await toStep(rollout, 2, 0.5);
    seen.clear();
    await until(() => seen.has(2));
    await rollBack(rollout);
    confirmedAfter.push(await confirmed());
    // Earlier requests may still arrive.
    await eachAnswered();
    seen.clear();
    await eachAnswered();
    expect([...seen]).toEqual([1]);
  }
  // The machine may pause during one of the rounds.
  expect(Math.min(...confirmedAfter)).toBeLessThan(1_000);
  isSending = false;
  await sending;
  expect(wrong).toEqual([]);
  expect(answers.reduce((sum, count) => sum + count)).toBeGreaterThan(100);
});

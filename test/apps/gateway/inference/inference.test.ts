import {
  createInference,
  type InferenceAnswer,
} from '../../../../apps/gateway/inference/inference';
import type { ModelHold } from '../../../../apps/gateway/model/model-cache';
import { compileRequestCodec } from '../../../../apps/gateway/inference/request-codec';
import type { VersionPicker } from '../../../../apps/gateway/routing/version-picker';
import type { Arm } from '../../../../apps/gateway/routing/route';
import { createScorer } from '../../../../apps/gateway/inference/scorer';
import { servedVersion } from '../../../../apps/gateway/model/served-version';
import { sha256 } from '../../../../data/digest';
import { failure } from '../../../../domain/failure';
import { defaultTenant, type RolloutId } from '../../../../domain/ids';
import type { PredictionLog } from '../../../../apps/gateway/prediction-log/prediction-log';
import type { PredictionRow } from '../../../../db/serving/prediction-records';
import type { ModelSignature } from '../../../../domain/model/model';
import type { PredictionArm } from '../../../../domain/serving/prediction';
import { distanceModel, distanceRequest } from '../../../support/serving/served-models';

const timeoutMs = 400;
const signature: ModelSignature = {
  task: 'regression',
  request: distanceModel(0).request,
  features: [{ name: 'distance', type: 'float' }],
  output: 'score',
  entity: null,
  time: null,
};

/** An arm whose graph responds at once, never, or with an error. */
function arm(alias: Arm['alias'], version: number, answers: 'at once' | 'never' | Error): Arm {
  const scorer = createScorer({
    name: `flight-delay@${version}`,
    features: { kind: 'plain', compute: () => ({}), close: () => undefined },
    onnx: {
      inputs: [],
      width: 1,
      predict: (_columns, rows) =>
        answers instanceof Error
          ? Promise.reject(answers)
          : answers === 'never'
            ? new Promise(() => undefined)
            : Promise.resolve(new Float64Array(rows).fill(version)),
      close: () => Promise.resolve(),
    },
    batchRows: 64,
    onBatch: () => undefined,
  });
  const codec = compileRequestCodec({ model: 'flight-delay', signature, maxRows: 10 });
  const model = {
    kind: 'graph',
    digest: sha256(String(version)),
    signature,
    bytes: 0,
    codec,
    features: { compute: () => ({}) },
    scorer,
    close: () => Promise.resolve(),
  } as const;
  const hold: ModelHold = { model, hold: () => hold, release: () => undefined };
  return {
    alias,
    weight: alias === 'challenger' ? 1 : 0,
    served: servedVersion({ tenant: defaultTenant, model: 'flight-delay', version }, hold),
  };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

type FailureOfChampion = Parameters<Parameters<typeof createInference>[0]['onChampionFailure']>;

interface Asked {
  readonly answer: InferenceAnswer;
  readonly milliseconds: number;
  readonly challengerFailures: number;
  readonly rows: readonly PredictionRow[];
}

async function ask(
  champion: Arm,
  challenger: Arm,
  onChampionFailure: (...of: FailureOfChampion) => void = () => undefined,
): Promise<Asked> {
  let challengerFailures = 0;
  const rows: PredictionRow[] = [];
  const infer = createInference({
    picker: {
      pick: () => ({
        kind: 'routed',
        route: {
          tenant: defaultTenant,
          model: 'flight-delay',
          champion,
          arms: [challenger, champion],
          rollout: { id: 'roll_1' as RolloutId, step: 2, besides: false },
        },
        release: () => undefined,
      }),
      load: () => Promise.reject(new Error('not asked for')),
    },
    shadow: { add: () => undefined },
    timeoutMs: { usual: timeoutMs, of: {} },
    leaseHolds: () => true,
    isBlocked: () => false,
    log: loggedIn(rows),
    onChallengerFailure: () => (challengerFailures += 1),
    onChampionFailure,
    onRefused: () => undefined,
  });
  const arrivedAt = performance.now();
  const body = distanceRequest([{ carrier: 'AA', distance: 1 }]);
  const asking = infer({
    tenant: defaultTenant,
    name: { model: 'flight-delay', selector: { kind: 'routed' } },
    body,
    arrivedAt,
    isProbe: false,
  });
  let milliseconds = Infinity;
  const ended = asking.finally(() => (milliseconds = performance.now() - arrivedAt));
  ended.catch(() => undefined);
  await jest.advanceTimersByTimeAsync(timeoutMs + 1);
  return { answer: await ended, milliseconds, challengerFailures, rows };
}

function loggedIn(rows: PredictionRow[]): Pick<PredictionLog, 'add' | 'hold'> {
  const add = (row: PredictionRow) => void rows.push(row);
  return { add, hold: () => (complete) => complete.forEach(add) };
}

test('a challenger that takes too long leaves the champion time to answer', async () => {
  const { answer, milliseconds, challengerFailures, rows } = await ask(
    arm('champion', 1, 'at once'),
    arm('challenger', 2, 'never'),
  );
  expect(answer.served.name).toBe('flight-delay@1');
  expect(challengerFailures).toBe(1);
  expect(milliseconds).toBeLessThan(timeoutMs);
  const other = {
    version: 2,
    role: 'fallback',
    score: null,
    error: 'Timeout',
    latencyMs: expect.any(Number) as number,
  };
  expect(rows).toMatchObject([
    {
      version: 1,
      arm: 'champion',
      output: { score: 1 },
      rollout: { id: 'roll_1', step: 2 },
      other,
    },
  ]);
});

test('a challenger in time answers', async () => {
  const { answer, challengerFailures } = await ask(
    arm('champion', 1, 'never'),
    arm('challenger', 2, 'at once'),
  );
  expect(answer.served.name).toBe('flight-delay@2');
  expect(challengerFailures).toBe(0);
});

test.each<[string, number, number]>([
  ['the challenger is of the challenger', 1, 2],
  ['the champion is of the champion', 0, 1],
])('a request that no version answers and that is assigned to %s', async (_, weight, version) => {
  const failures: unknown[] = [];
  const broken = new Error('the feature store is away');
  const asked = ask(
    { ...arm('champion', 1, broken), weight: 1 - weight },
    { ...arm('challenger', 2, broken), weight },
    (_tenant, served, rows, inRollout) => failures.push([served.version, rows, inRollout]),
  );
  await expect(asked).rejects.toThrow(broken.message);
  const rollout = expect.objectContaining({ id: 'roll_1', step: 2 }) as unknown;
  expect(failures).toEqual([[1, 1, { rollout, version, eventTime: null }]]);
});

test('a score that is not a number is a failure of the challenger', async () => {
  const { answer, rows } = await ask(
    arm('champion', 1, 'at once'),
    arm('challenger', NaN, 'at once'),
  );
  expect(answer.served.name).toBe('flight-delay@1');
  expect(rows).toMatchObject([
    { version: 1, other: { role: 'fallback', error: 'ScoreNotFinite' } },
  ]);
});

describe('a failed request', () => {
  beforeEach(() => jest.useRealTimers());
  const wrong = failure('InvalidInput', 'row 0: `distance` is not a number');
  const unfit = failure('SqlInvalid', 'features.sql:1:8 Conversion Error');

  async function failedRows(named: PredictionArm, error: Error, isProbe = false): Promise<number> {
    let failed = 0;
    const { served } = arm('champion', 1, error);
    const infer = createInference({
      picker: {
        pick: () => ({ kind: 'named', arm: named, served, release: () => undefined }),
        load: () => Promise.reject(new Error('not asked for')),
      },
      shadow: { add: () => undefined },
      timeoutMs: { usual: timeoutMs, of: {} },
      leaseHolds: () => true,
      isBlocked: () => false,
      log: loggedIn([]),
      onChallengerFailure: () => undefined,
      onChampionFailure: (_tenant, { version }, rows) => (failed += version * rows),
      onRefused: () => undefined,
    });
    await expect(
      infer({
        tenant: defaultTenant,
        name: { model: 'flight-delay', selector: { kind: 'alias', alias: 'champion' } },
        body: distanceRequest([{ carrier: 'AA', distance: 1 }]),
        arrivedAt: performance.now(),
        isProbe,
      }),
    ).rejects.toThrow(error.message);
    return failed;
  }

  test('counts as one of the champion, which it names', async () => {
    expect(await failedRows('champion', unfit)).toBe(1);
    expect(await failedRows('champion', new Error('the graph failed'))).toBe(1);
  });

  test('does not count when the caller got it wrong', async () => {
    expect(await failedRows('champion', wrong)).toBe(0);
  });

  test('does not count when it names another arm or is a probe, as in the log', async () => {
    expect(await failedRows('direct', unfit)).toBe(0);
    expect(await failedRows('previous', unfit)).toBe(0);
    expect(await failedRows('champion', unfit, true)).toBe(0);
  });
});

test('an answer that is not ready in time is a 504, whatever delays it', async () => {
  await expect(
    ask(arm('champion', 1, 'never'), arm('challenger', 2, 'never')),
  ).rejects.toMatchObject({ status: 504 });
});

describe('a request that does not fit the signature', () => {
  beforeEach(() => jest.useRealTimers());
  const champion = arm('champion', 1, 'at once');
  const challenger = arm('challenger', 2, 'at once');

  async function refusedRequests(
    picked: Awaited<ReturnType<VersionPicker['pick']>>,
    { isProbe = false, times = 1 } = {},
  ): Promise<number> {
    let refused = 0;
    const infer = createInference({
      picker: { pick: () => picked, load: () => Promise.reject(new Error('not asked for')) },
      shadow: { add: () => undefined },
      timeoutMs: { usual: timeoutMs, of: {} },
      leaseHolds: () => true,
      isBlocked: () => false,
      log: loggedIn([]),
      onChallengerFailure: () => undefined,
      onChampionFailure: () => undefined,
      onRefused: (_tenant, { version }, refusals) => {
        expect(version).toBe(1);
        expect(refusals).toEqual([{ reason: 'wrong-type', column: 'distance' }]);
        refused += 1;
      },
    });
    for (let time = 0; time < times; time += 1)
      await expect(
        infer({
          tenant: defaultTenant,
          name: { model: 'flight-delay', selector: { kind: 'routed' } },
          body: { rows: [1, 2, 3].map(() => ({ carrier: 'AA', distance: 'far' })) },
          arrivedAt: performance.now(),
          isProbe,
        }),
      ).rejects.toThrow('`distance` of row 0 is text');
    return refused;
  }

  /** @param share of the challenger in a rollout; null without one */
  const routed = (share: number | null) => {
    const left = { ...champion, weight: 1 - (share ?? 0) };
    return {
      kind: 'routed' as const,
      route: {
        tenant: defaultTenant,
        model: 'flight-delay',
        champion: left,
        arms: share === null ? [left] : [{ ...challenger, weight: share }, left],
        rollout: share === null ? null : { id: 'roll_1' as RolloutId, step: 2, besides: false },
      },
      release: () => undefined,
    };
  };
  const named = (of: PredictionArm) => ({
    kind: 'named' as const,
    arm: of,
    served: champion.served,
    release: () => undefined,
  });

  test('counts once for the champion, also by its alias, however many rows it has', async () => {
    expect(await refusedRequests(routed(null))).toBe(1);
    expect(await refusedRequests(named('champion'))).toBe(1);
  });

  test('counts nothing for another arm or a probe, as in the log', async () => {
    expect(await refusedRequests(named('direct'))).toBe(0);
    expect(await refusedRequests(routed(null), { isProbe: true })).toBe(0);
  });

  test('counts for the champion of a rollout as often as it would have answered', async () => {
    expect(await refusedRequests(routed(1), { times: 20 })).toBe(0);
    expect(await refusedRequests(routed(0), { times: 20 })).toBe(20);
    const half = await refusedRequests(routed(0.5), { times: 400 });
    expect(half).toBeGreaterThan(140);
    expect(half).toBeLessThan(260);
  });
});

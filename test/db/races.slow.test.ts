import fc from 'fast-check';
import { failure, isPerennialError, type FailureType } from '../../domain/failure';
import type { IdempotencyKey, RunId } from '../../domain/ids';
import { isOpenRollout, type RolloutStatus } from '../../domain/rollout/rollout';
import type { Promotion, Withdrawal } from '../../db/alias/records';
import type { RolloutChange, RolloutRecord } from '../../db/rollout/records';
import {
  applyLifecycle,
  openTestRegistry,
  registerVersions,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from './registry-fixture';
import { RegisterModel, type JournalRow } from './model/register-model';
import { openRollout } from './rollout/fixture';

const versions = 4;

type Ask =
  | {
      readonly ask: 'promote';
      readonly version: number;
      readonly token: 'fresh' | 'stale';
      readonly onRollout: boolean;
    }
  | { readonly ask: 'rollback' }
  | { readonly ask: 'withdraw' }
  | { readonly ask: 'extend' }
  | { readonly ask: 'open'; readonly run: number; readonly challenger: number }
  | { readonly ask: 'step'; readonly step: number; readonly weight: number }
  | {
      readonly ask: 'status';
      readonly status: 'running' | 'held' | 'passed';
      readonly park: boolean;
    }
  | { readonly ask: 'end'; readonly status: 'rolledBack' | 'aborted' };

const version = fc.integer({ min: 1, max: versions });
const open = fc.record({ ask: fc.constant('open' as const), run: fc.nat(2), challenger: version });
const ask: fc.Arbitrary<Ask> = fc.oneof(
  fc.record({
    ask: fc.constant('promote' as const),
    version,
    token: fc.constantFrom('fresh' as const, 'fresh' as const, 'stale' as const),
    onRollout: fc.boolean(),
  }),
  fc.constantFrom<Ask>({ ask: 'rollback' }, { ask: 'withdraw' }, { ask: 'extend' }),
  open,
  fc.record({
    ask: fc.constant('step' as const),
    step: fc.nat(3),
    weight: fc.constantFrom(0, 0.05, 0.25, 0.5),
  }),
  fc.record({
    ask: fc.constant('status' as const),
    status: fc.constantFrom('running' as const, 'held' as const, 'passed' as const),
    park: fc.boolean(),
  }),
  fc.record({
    ask: fc.constant('end' as const),
    status: fc.constantFrom('rolledBack' as const, 'aborted' as const),
  }),
);
/** Lanes run concurrently, and the commands of a lane one after the other. */
const race = fc.tuple(
  fc.array(ask, { maxLength: 5 }),
  fc.array(ask, { maxLength: 5 }),
  fc.tuple(open, fc.array(ask, { maxLength: 4 })).map(([first, rest]) => [first, ...rest]),
);

describe('champion and rollouts under concurrent commands', () => {
  let test_: TestRegistry;
  let lifecycle: string;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
    lifecycle = unique('lifecycle');
    await applyLifecycle(test_.registry, lifecycle);
  });
  afterAll(() => test_.close());

  const epochNow = async () => (await test_.registry.routing.table()).epoch;

  test('keep one champion, at most one open rollout, and a record without gaps', async () => {
    let raced = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(race, { minLength: 3, maxLength: 3 }), async (races) => {
        const contests = await Promise.all(races.map(() => prepare(test_, lifecycle)));
        const before = await epochNow();
        const epochs = contests.map(({ moves }) => moves.length);
        await Promise.all(
          races.flatMap((lanes, index) =>
            lanes.map((lane) => run(contests[index] as Contest, lane)),
          ),
        );
        const settled = await Promise.all(contests.map((contest) => settle(test_, contest)));
        // Each was prepared by one promotion before the epoch was read.
        const reroutes = settled.reduce((sum, model) => sum + model.reroutes - 1, 0);
        expect(epochs).toEqual([0, 0, 0]);
        expect(await epochNow()).toBe(before + reroutes);
        raced += races.length;
      }),
      { numRuns: 100 },
    );
    expect(raced).toBeGreaterThanOrEqual(300);
  });
});

/** One model, and every response to the commands on it. */
interface Contest {
  readonly test_: TestRegistry;
  readonly model: string;
  readonly runs: readonly RunId[];
  readonly moves: {
    readonly kind: 'promote' | 'rollback' | 'withdraw';
    readonly fencing: number;
    readonly undone?: { readonly version: number; readonly fencing: number };
  }[];
  readonly promotions: { readonly version: number; readonly fencing: number }[];
  readonly rollouts: Map<string, RolloutRecord>;
  /** Rollouts whose end was returned to a caller. */
  readonly ends: { readonly id: string; readonly status: RolloutStatus }[];
  /** Ends by an explicit command. */
  readonly ended: string[];
  newest: RolloutRecord | null;
}

async function prepare(test_: TestRegistry, lifecycle: string): Promise<Contest> {
  const model = unique('raced');
  const runs = await Promise.all([0, 1, 2].map(() => startRun(test_.registry, lifecycle)));
  await registerVersions(test_.registry, model, versions);
  const contest: Contest = {
    test_,
    model,
    runs,
    moves: [],
    promotions: [],
    rollouts: new Map(),
    ends: [],
    ended: [],
    newest: null,
  };
  await promote(contest, { version: 1, token: 'fresh', onRollout: false });
  contest.moves.length = 0;
  return contest;
}

async function run(contest: Contest, lane: readonly Ask[]): Promise<void> {
  for (const each of lane) {
    try {
      await perform(contest, each);
    } catch (error) {
      // Refusals are valid responses. A deadlock or a violated rule of the database is not.
      if (!isPerennialError(error) || !refusals.has(error.type)) throw error;
    }
  }
}

const refusals: ReadonlySet<FailureType> = new Set(['Conflict', 'FencedOff', 'NotFound']);
const by = { actor: 'test', cause: 'race' };

async function perform(contest: Contest, each: Ask): Promise<void> {
  const { test_, model } = contest;
  const { aliases, rollouts } = test_.registry;
  if (each.ask === 'promote') return promote(contest, each);
  if (each.ask === 'rollback') {
    const { fencing } = await aliases.rollback({
      tenant,
      model,
      ...by,
      idempotencyKey: unique('key'),
    });
    contest.moves.push({ kind: 'rollback', fencing });
    return;
  }
  if (each.ask === 'withdraw') {
    const undone = contest.promotions.at(-1);
    if (undone === undefined) throw failure('NotFound', 'nothing was promoted yet');
    const answer: Withdrawal = await aliases.withdraw({
      tenant,
      model,
      ...undone,
      ...by,
      idempotencyKey: unique('key'),
    });
    if (answer.kind === 'withdrawn')
      contest.moves.push({ kind: 'withdraw', fencing: answer.fencing, undone });
    return;
  }
  if (each.ask === 'open') {
    const { champion } = await aliases.get({ tenant, model });
    if (champion === null || champion.version === each.challenger)
      throw failure('NotFound', 'there is nobody to be beside');
    const answer = await openRollout(test_.registry, {
      model,
      runId: contest.runs[each.run] as RunId,
      champion,
      challenger: each.challenger,
    });
    if (answer.kind !== 'conflict') heard(contest, answer.rollout);
    if (answer.kind === 'opened') contest.newest = answer.rollout;
    return;
  }
  const { newest } = contest;
  if (newest === null) throw failure('NotFound', 'no rollout was opened yet');
  const name = { tenant, id: newest.id, ...by };
  if (each.ask === 'end') {
    const end = await rollouts.end({
      ...name,
      status: each.status,
      verdict: null,
      decisionId: null,
    });
    heard(contest, end.rollout);
    if (end.changed) contest.ended.push(end.rollout.id);
    return;
  }
  const change: RolloutChange | { readonly kind: 'extended' } =
    each.ask === 'step'
      ? await rollouts.setStep({ ...name, step: each.step, weight: each.weight })
      : each.ask === 'extend'
        ? await rollouts.extend({ ...name, seconds: 60, key: unique('key') as IdempotencyKey })
        : await rollouts.setStatus({
            ...name,
            status: each.status,
            waitingFor: null,
            ...(each.park && { weight: 0 }),
          });
  if (change.kind === 'ended') heard(contest, change.rollout);
}

async function promote(
  contest: Contest,
  { version, token, onRollout }: Omit<Extract<Ask, { ask: 'promote' }>, 'ask'>,
): Promise<void> {
  const { test_, model, promotions, moves, newest } = contest;
  const { champion } = await test_.registry.aliases.get({ tenant, model });
  const fresh = champion ?? { version: null, fencing: 0 };
  const answer: Promotion = await test_.registry.aliases.promote({
    tenant,
    model,
    version: onRollout && newest !== null ? newest.challenger : version,
    expectedChampion: token === 'fresh' ? fresh : (promotions[0] ?? fresh),
    decisionId: null,
    runId: newest?.runId ?? null,
    rollout: onRollout ? newest?.id : null,
    ...by,
    idempotencyKey: unique('key'),
  });
  if (answer.kind !== 'promoted') return;
  moves.push({ kind: 'promote', fencing: answer.fencing });
  promotions.push({
    version: onRollout && newest !== null ? newest.challenger : version,
    fencing: answer.fencing,
  });
}

function heard({ rollouts, ends }: Contest, rollout: RolloutRecord): void {
  rollouts.set(rollout.id, rollout);
  if (!isOpenRollout(rollout.status)) ends.push({ id: rollout.id, status: rollout.status });
}

/**
 * Replays the record through the model, and compares both with the tables and with every response.
 */
async function settle(
  { registry, database: { sql } }: TestRegistry,
  contest: Contest,
): Promise<RegisterModel> {
  const { model, moves, rollouts, ends, ended } = contest;
  const journal = await sql<
    JournalRow[]
  >`select action, before, after from audit_log where subject = ${`model:${model}`} order by id`;
  const register = new RegisterModel(versions, {
    versionsOf: (id) => rollouts.get(id) ?? fail(`nobody was told of ${id}`),
    undone: (fencing) => moves.find((move) => move.fencing === fencing)?.undone,
  });
  for (const row of journal) register.happened(row);
  expect(register.isSettled()).toBe(true);

  const { champion, previous } = await registry.aliases.get({ tenant, model });
  expect({
    champion: champion && { version: champion.version, fencing: champion.fencing },
    previous: previous?.version ?? null,
  }).toEqual(register.aliases.shown());
  const history = await sql<
    { kind: string; from: number | null; to: number | null; fencing: number }[]
  >`
    select kind, from_version as from, to_version as to, fencing from alias_history where model = ${model} order by fencing`;
  expect(history.map(({ fencing }) => fencing)).toEqual(history.map((_, index) => index + 1));
  history.forEach(({ from }, index) => expect(from).toBe(history[index - 1]?.to ?? null));
  expect(history.slice(1).map(({ kind, fencing }) => `${kind} ${fencing}`)).toEqual(
    [...moves]
      .sort((a, b) => a.fencing - b.fencing)
      .map(({ kind, fencing }) => `${kind} ${fencing}`),
  );
  const outbox = await sql<{ payload: object }[]>`
    select payload from outbox where topic = 'alias.moved' and payload ->> 'model' = ${model} order by (payload ->> 'fencing')::int`;
  expect(outbox.map(({ payload }) => payload)).toEqual(history.map((move) => ({ model, ...move })));

  const stored = (await registry.rollouts.list({ tenant, model, pageSize: 10 })).items;
  const inShort = ({ id, status, step, weight }: RolloutRecord) => ({
    rollout: id,
    status,
    step,
    weight,
  });
  expect(stored.filter(({ status }) => isOpenRollout(status)).map(inShort)).toEqual(
    register.open === null ? [] : [register.open],
  );
  const over = stored.filter(({ status }) => !isOpenRollout(status));
  expect(new Map(over.map(({ id, status }) => [id, status]))).toEqual(register.ended);
  for (const { id, status } of ends) expect(register.ended.get(id)).toBe(status);
  const byHand = [...register.ended]
    .filter(([, status]) => status === 'rolledBack' || status === 'aborted')
    .map(([id]) => id);
  expect([...ended].sort()).toEqual(byHand.sort());

  const routed = (await registry.routing.table()).models.find((each) => each.model === model);
  const challenger = stored.find(({ id }) => id === register.open?.rollout);
  const arms = challenger && {
    alias: 'challenger',
    version: challenger.challenger,
    weight: challenger.weight,
  };
  expect(routed?.arms.map(({ alias, version, weight }) => ({ alias, version, weight }))).toEqual(
    champion === null
      ? undefined
      : [
          ...(arms ? [arms] : []),
          { alias: 'champion', version: champion.version, weight: 1 - (challenger?.weight ?? 0) },
        ],
  );
  return register;
}

function fail(message: string): never {
  throw new Error(message);
}

import fc from 'fast-check';
import type { RunId } from '../../../domain/ids';
import type { ExpectedChampion } from '../../../db/alias/repository';
import type { AliasState } from '../../../db/alias-register';
import { AliasModel } from './alias-model';
import {
  openTestRegistry,
  registerVersions,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

const nobody: ExpectedChampion = { version: null, fencing: 0 };

describe('the alias register', () => {
  let test_: TestRegistry;
  let model: string;
  let runId: RunId;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());
  beforeEach(async () => {
    model = unique('model');
    runId = await registerVersions(test_.registry, model, 5);
  });

  const promote = (
    version: number,
    expectedChampion: ExpectedChampion,
    idempotencyKey = unique('key'),
  ) =>
    test_.registry.aliases.promote({
      tenant,
      model,
      version,
      expectedChampion,
      decisionId: null,
      runId,
      actor: 'key:a',
      cause: 'decided',
      idempotencyKey,
    });
  const rollback = (to?: number, idempotencyKey = unique('key')) =>
    test_.registry.aliases.rollback({
      tenant,
      model,
      actor: 'key:a',
      cause: 'bad',
      idempotencyKey,
      ...(to !== undefined && { to }),
    });
  const withdraw = (version: number, fencing: number, idempotencyKey = unique('key')) =>
    test_.registry.aliases.withdraw({
      tenant,
      model,
      version,
      fencing,
      actor: 'run',
      cause: 'undo',
      idempotencyKey,
    });
  const get = () => test_.registry.aliases.get({ tenant, model });
  const champion = async (): Promise<ExpectedChampion> => (await get()).champion ?? nobody;
  const promoteOver = async (version: number) => promote(version, await champion());
  const readStatus = async (version: number) =>
    (await test_.registry.models.get({ tenant, model, version }))?.status;

  test('the first promotion makes a champion, with history, audit row, outbox entry and a new routing epoch', async () => {
    const { registry } = test_;
    const before = (await registry.routing.table()).epoch;
    expect(await promote(2, nobody)).toEqual({ kind: 'promoted', previous: null, fencing: 1 });
    expect(await get()).toMatchObject({
      champion: { version: 2, fencing: 1 },
      previous: null,
      challenger: null,
    });
    expect(await readStatus(2)).toBe('promoted');
    const history = await registry.aliases.history({ tenant, model, pageSize: 5 });
    expect(history.items).toMatchObject([
      { kind: 'promote', from: null, to: 2, fencing: 1, actor: 'key:a', cause: 'decided', runId },
    ]);
    const audit = await registry.audit.list({ tenant, subject: `model:${model}`, pageSize: 5 });
    expect(audit.items).toMatchObject([
      {
        action: 'alias.promote',
        before: { champion: null },
        after: { champion: 2, previous: null, fencing: 1 },
      },
    ]);
    const entries = await registry.outbox.claim({
      limit: 100,
      leaseSeconds: 60,
      topics: ['alias.moved'],
    });
    expect(entries.map(({ payload }) => payload)).toContainEqual({
      model,
      kind: 'promote',
      from: null,
      to: 2,
      fencing: 1,
    });
    const table = await registry.routing.table();
    expect(table.epoch).toBeGreaterThan(before);
    expect(table.models.find((routed) => routed.model === model)).toMatchObject({
      arms: [{ version: 2, alias: 'champion', weight: 1 }],
      previous: null,
    });
  });

  test('each version that begins to serve is a deployment, with lineage to its origin', async () => {
    const { lineage, models } = test_.registry;
    const rows = { kind: 'dataset', name: `${model}.request-rows`, version: 1 } as const;
    const edges = [2, 3].map((version) => ({
      from: rows,
      to: { kind: 'model', name: model, version } as const,
      runId,
    }));
    await lineage.add({ tenant, edges });
    const deployed = async (fencing: number) => {
      const node = { kind: 'deployment', name: model, version: fencing } as const;
      const found = await lineage.of({ tenant, node, direction: 'upstream' });
      return found.map(({ from, runId: by }) => [
        `${from.kind} ${from.name}@${from.version ?? 0}`,
        by,
      ]);
    };
    await promote(2, nobody);
    await promoteOver(3);
    await rollback();
    expect(await deployed(1)).toEqual([
      [`model ${model}@2`, runId],
      [`dataset ${rows.name}@1`, runId],
    ]);
    expect((await deployed(2))[0]).toEqual([`model ${model}@3`, runId]);
    expect((await deployed(3))[0]).toEqual([`model ${model}@2`, null]);
    const [edge] = await lineage.of({
      tenant,
      node: { kind: 'deployment', name: model, version: 1 },
      direction: 'upstream',
    });
    const digest = (await models.get({ tenant, model, version: 2 }))?.manifest.digest;
    expect([edge?.from.digest, edge?.to.digest]).toEqual([digest, digest]);
    const forward = await lineage.of({ tenant, node: rows, direction: 'downstream' });
    expect(forward.filter(({ to }) => to.kind === 'deployment')).toHaveLength(3);
  });

  test('an undone promotion leaves the previous deployment, or none', async () => {
    const first = await promote(1, nobody);
    await withdraw(1, first.kind === 'promoted' ? first.fencing : 0);
    expect((await get()).champion).toBeNull();
    const edges = () => test_.database.sql<{ from: number; to: number }[]>`
      select from_version as from, to_version as to from lineage_edges where to_kind = 'deployment' and to_name = ${model} order by to_version`;
    expect(await edges()).toEqual([{ from: 1, to: 1 }]);
    await promote(2, nobody);
    const second = await promoteOver(3);
    await withdraw(3, second.kind === 'promoted' ? second.fencing : 0);
    expect(await edges()).toEqual([
      { from: 1, to: 1 },
      { from: 2, to: 3 },
      { from: 3, to: 4 },
      { from: 2, to: 5 },
    ]);
    // Without a move there is no deployment.
    expect(await promoteOver(2)).toMatchObject({ kind: 'unchanged' });
    expect(await edges()).toHaveLength(4);
  });

  test('a promotion against another champion than expected is a conflict that changes nothing', async () => {
    await promote(1, nobody);
    const before = await get();
    for (const expected of [nobody, { version: 2, fencing: 1 }, { version: 1, fencing: 7 }]) {
      expect(await promote(3, expected)).toEqual({ kind: 'conflict', champion: before.champion });
    }
    expect(await get()).toEqual(before);
    expect(
      (await test_.registry.aliases.history({ tenant, model, pageSize: 5 })).items,
    ).toHaveLength(1);
  });

  test('a stale fencing token is a conflict even when the same version is champion again', async () => {
    await promote(1, nobody);
    const stale = await champion();
    await promoteOver(2);
    await rollback();
    expect((await champion()).version).toBe(stale.version);
    expect(await promote(3, stale)).toMatchObject({ kind: 'conflict' });
  });

  test('a repeated key returns the first answer and moves nothing', async () => {
    const first = await promote(1, nobody, `${model}/once`);
    await promoteOver(2);
    expect(await promote(1, nobody, `${model}/once`)).toEqual(first);
    expect((await champion()).version).toBe(2);
    const back = await rollback(undefined, `${model}/back`);
    await promoteOver(3);
    expect(await rollback(undefined, `${model}/back`)).toEqual(back);
    expect((await champion()).version).toBe(3);
  });

  test('the same key with other arguments is refused', async () => {
    await promote(1, nobody, `${model}/once`);
    await expect(promote(2, nobody, `${model}/once`)).rejects.toMatchObject({
      type: 'IdempotencyConflict',
    });
    await rollback(1, `${model}/roll`).catch(() => undefined);
    await promoteOver(2);
    await rollback(1, `${model}/roll`);
    await expect(rollback(2, `${model}/roll`)).rejects.toMatchObject({
      type: 'IdempotencyConflict',
    });
  });

  test('a conflict is not stored under its key', async () => {
    await promote(1, nobody);
    expect(await promote(2, nobody, `${model}/retry`)).toMatchObject({ kind: 'conflict' });
    expect(await promote(2, await champion(), `${model}/retry`)).toMatchObject({
      kind: 'promoted',
    });
  });

  test('promoting the champion moves nothing and leaves nothing to undo', async () => {
    await promote(1, nobody);
    expect(await promoteOver(1)).toEqual({ kind: 'unchanged', fencing: 1 });
  });

  test.each(['rejected', 'withdrawn'] as const)(
    'a %s version cannot be promoted',
    async (status) => {
      await test_.registry.models.setStatus({ tenant, model, version: 3, status, cause: 'test' });
      await expect(promote(3, nobody)).rejects.toMatchObject({
        type: 'Conflict',
        message: expect.stringContaining(status) as string,
      });
      expect((await get()).champion).toBeNull();
    },
  );

  test('unknown models and versions are NotFound', async () => {
    await expect(promote(9, nobody)).rejects.toMatchObject({ type: 'NotFound' });
    await expect(rollback(9)).rejects.toMatchObject({ type: 'NotFound' });
    model = 'nowhere';
    await expect(promote(1, nobody)).rejects.toMatchObject({ type: 'NotFound' });
    await expect(rollback()).rejects.toMatchObject({ type: 'NotFound' });
  });

  test('10 promotions at once leave one champion', async () => {
    const versions = [1, 2, 3, 4, 5, 1, 2, 3, 4, 5];
    const answers = await Promise.all(versions.map((version) => promote(version, nobody)));
    expect(answers.filter(({ kind }) => kind === 'promoted')).toHaveLength(1);
    const winner = versions[answers.findIndex(({ kind }) => kind === 'promoted')];
    expect((await get()).champion).toMatchObject({ version: winner, fencing: 1 });
    const rows = await test_.database
      .sql`select from model_aliases where model = ${model} and alias = 'champion'`;
    expect(rows).toHaveLength(1);
  });

  test('20 promotions at once with one key are one promotion', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => promote(1, nobody, `${model}/same`)),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set(['{"kind":"promoted","previous":null,"fencing":1}']),
    );
    expect(
      (await test_.registry.aliases.history({ tenant, model, pageSize: 5 })).items,
    ).toHaveLength(1);
  });

  test('each rollback goes further back, never forward to the bad version, and fails when no version is left', async () => {
    for (const version of [1, 2, 3]) await promoteOver(version);
    expect(await rollback()).toMatchObject({ from: 3, to: 2 });
    expect(await rollback()).toMatchObject({ from: 2, to: 1 });
    await expect(rollback()).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining(`${model}@1 replaced no other version`) as string,
    });
    expect((await get()).champion).toMatchObject({ version: 1 });
  });

  test('a rollback without a champion is refused with a clear message', async () => {
    await expect(rollback()).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining('has no champion') as string,
    });
  });

  test('a rollback to a named version works only for a former champion', async () => {
    for (const version of [1, 2, 3]) await promoteOver(version);
    expect(await rollback(1)).toMatchObject({ from: 3, to: 1 });
    expect((await get()).previous).toBeNull();
    expect(await rollback(3)).toMatchObject({ from: 1, to: 3 });
    await expect(rollback(3)).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining('is already') as string,
    });
    await expect(rollback(4)).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining('was never a champion') as string,
    });
  });

  test('withdrawing restores champion and previous, and the version cannot come back', async () => {
    for (const version of [1, 2]) await promoteOver(version);
    const before = await get();
    const promotion = await promoteOver(3);
    if (promotion.kind !== 'promoted') throw new Error(promotion.kind);
    expect(await withdraw(3, promotion.fencing)).toEqual({
      kind: 'withdrawn',
      champion: 2,
      fencing: promotion.fencing + 1,
    });
    expect(await get()).toMatchObject({
      champion: { version: 2 },
      previous: { version: before.previous?.version },
    });
    expect(await readStatus(3)).toBe('withdrawn');
    await expect(rollback(3)).rejects.toMatchObject({ type: 'Conflict' });
    await rollback();
    expect((await champion()).version).toBe(1);
  });

  test('withdrawing the first promotion leaves no champion, and the next fencing token is higher', async () => {
    await promote(1, nobody);
    expect(await withdraw(1, 1)).toEqual({ kind: 'withdrawn', champion: null, fencing: 2 });
    expect((await get()).champion).toBeNull();
    expect(await promote(2, nobody)).toMatchObject({ kind: 'promoted', fencing: 3 });
  });

  test('withdrawing does nothing once the champion has changed', async () => {
    await promote(1, nobody);
    await promoteOver(2);
    expect(await withdraw(1, 1)).toMatchObject({ kind: 'superseded', champion: { version: 2 } });
    await rollback();
    expect(await withdraw(1, 1)).toMatchObject({ kind: 'superseded', champion: { version: 1 } });
    expect(await withdraw(4, 99)).toMatchObject({ kind: 'superseded' });
  });

  test('a champion that a withdrawal restored can be withdrawn too, back to the first one', async () => {
    const promotions = [await promoteOver(1), await promoteOver(2), await promoteOver(3)].map(
      ({ kind, ...rest }) => {
        if (kind !== 'promoted' || !('fencing' in rest)) throw new Error(kind);
        return rest.fencing;
      },
    );
    for (const version of [3, 2, 1]) {
      const champion = version === 1 ? null : version - 1;
      expect(await withdraw(version, promotions[version - 1] ?? 0)).toMatchObject({
        kind: 'withdrawn',
        champion,
      });
      expect((await get()).champion?.version ?? null).toBe(champion);
      expect(await readStatus(version)).toBe('withdrawn');
    }
  });

  test('the target of a manual rollback is not withdrawn, even if a later promotion is', async () => {
    await promote(1, nobody);
    await promoteOver(2);
    await rollback();
    const later = await promoteOver(3);
    if (later.kind !== 'promoted') throw new Error(later.kind);
    await withdraw(3, later.fencing);
    expect(await withdraw(1, 1)).toMatchObject({ kind: 'superseded', champion: { version: 1 } });
  });

  test('a champion whose run was undone does not return when its successor is withdrawn', async () => {
    const [first, second] = [await startRun(test_.registry), await startRun(test_.registry)];
    await promote(1, nobody);
    runId = first;
    await promoteOver(2);
    runId = second;
    await promoteOver(3);
    await test_.registry.runs.beginUndo({ tenant, id: first });
    expect(await withdraw(2, 2)).toMatchObject({ kind: 'superseded', champion: { version: 3 } });
    await test_.registry.runs.beginUndo({ tenant, id: second });
    expect(await withdraw(3, 3)).toMatchObject({ kind: 'withdrawn', champion: 1 });
    expect((await get()).champion).toMatchObject({ version: 1 });
    expect([await readStatus(1), await readStatus(2), await readStatus(3)]).toEqual([
      'promoted',
      'withdrawn',
      'withdrawn',
    ]);
    const { items } = await test_.registry.aliases.history({ tenant, model, pageSize: 10 });
    expect(items.map(({ kind, from, to }) => [kind, from, to]).slice(0, 2)).toEqual([
      ['withdraw', 2, 1],
      ['withdraw', 3, 2],
    ]);
  });

  test('a withdrawn promotion of a former champion leaves it a rollback target', async () => {
    for (const version of [1, 2]) await promoteOver(version);
    const again = await promoteOver(1);
    if (again.kind !== 'promoted') throw new Error(again.kind);
    await withdraw(1, again.fencing);
    expect(await readStatus(1)).toBe('promoted');
    expect(await rollback()).toMatchObject({ from: 2, to: 1 });
  });

  test('the history shows the champion at a given time', async () => {
    await promote(1, nobody);
    const at = (await get()).champion?.movedAt ?? '';
    await new Promise((resolve) => setTimeout(resolve, 5));
    await promoteOver(2);
    const { items } = await test_.registry.aliases.history({ tenant, model, at, pageSize: 1 });
    expect(items).toMatchObject([{ to: 1 }]);
    const none = await test_.registry.aliases.history({
      tenant,
      model,
      at: '2020-01-01T00:00:00Z',
      pageSize: 1,
    });
    expect(none.items).toEqual([]);
  });

  test('a champion cannot be rejected, and a former one cannot be withdrawn manually', async () => {
    for (const version of [1, 2]) await promoteOver(version);
    for (const version of [1, 2]) {
      await expect(
        test_.registry.models.setStatus({
          tenant,
          model,
          version,
          status: 'withdrawn',
          cause: 'x',
        }),
      ).rejects.toMatchObject({
        type: 'Conflict',
      });
    }
  });

  test('the database itself refuses a second champion, one that does not exist, and a rewritten history', async () => {
    await promote(1, nobody);
    const { sql } = test_.database;
    const second = sql`insert into model_aliases (tenant_id, model, alias, version, fencing) values ('default', ${model}, 'champion', 2, 9)`;
    await expect(second).rejects.toMatchObject({ constraint: 'model_aliases_pk' });
    await expect(
      sql`update model_aliases set version = 99 where model = ${model}`,
    ).rejects.toMatchObject({
      constraint: 'model_aliases_version_fk',
    });
    await expect(
      sql`update model_aliases set alias = 'chief' where model = ${model}`,
    ).rejects.toMatchObject({
      constraint: 'model_aliases_alias_check',
    });
    const { owner } = test_;
    await expect(
      owner.sql`update alias_history set cause = 'x' where model = ${model}`,
    ).rejects.toThrow(/append-only/);
    await expect(owner.sql`delete from alias_history where model = ${model}`).rejects.toThrow(
      /append-only/,
    );
  });

  type Step =
    | {
        readonly do: 'promote';
        readonly version: number;
        readonly token: 'fresh' | 'stale' | 'none';
        readonly key: number;
      }
    | { readonly do: 'rollback'; readonly to: number | null; readonly key: number }
    | { readonly do: 'withdraw'; readonly which: number; readonly key: number };
  const key = fc.nat(40);
  const steps: fc.Arbitrary<Step[]> = fc.array(
    fc.oneof(
      fc.record({
        do: fc.constant('promote' as const),
        version: fc.integer({ min: 1, max: 6 }),
        token: fc.constantFrom(
          'fresh' as const,
          'fresh' as const,
          'stale' as const,
          'none' as const,
        ),
        key,
      }),
      fc.record({
        do: fc.constant('rollback' as const),
        to: fc.option(fc.integer({ min: 1, max: 6 })),
        key,
      }),
      fc.record({ do: fc.constant('withdraw' as const), which: fc.nat(3), key }),
    ),
    { maxLength: 25 },
  );

  test('behaves like its model for any commands in any order, with stale tokens and repeated keys', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        model = unique('model');
        runId = await registerVersions(test_.registry, model, 5);
        const expected = new AliasModel(5);
        const tokens: ExpectedChampion[] = [nobody];
        for (const step of sequence) {
          const idempotencyKey = `${model}/${step.key}`;
          let actual: Promise<unknown>;
          let should: () => unknown;
          if (step.do === 'promote') {
            const token =
              step.token === 'fresh'
                ? expected.token()
                : step.token === 'stale'
                  ? (tokens[step.key % tokens.length] ?? nobody)
                  : nobody;
            actual = promote(step.version, token, idempotencyKey);
            should = () => expected.promote(step.version, token, idempotencyKey);
          } else if (step.do === 'rollback') {
            actual = rollback(step.to ?? undefined, idempotencyKey);
            should = () => expected.rollback(step.to, idempotencyKey);
          } else {
            const token = tokens.at(-1 - step.which) ?? nobody;
            actual = withdraw(token.version ?? 1, token.fencing, idempotencyKey);
            should = () => expected.withdraw(token.version ?? 1, token.fencing, idempotencyKey);
          }
          expect(await outcome(actual)).toEqual(await outcome(Promise.resolve().then(should)));
          tokens.push(expected.token());
          expect(shown(await get())).toEqual(expected.shown());
        }
      }),
      { numRuns: 60 },
    );
  });

  test('keeps exactly one champion and an unbroken history under concurrent commands', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.constantFrom('promote', 'rollback', 'withdraw'),
            fc.integer({ min: 1, max: 5 }),
          ),
          {
            minLength: 4,
            maxLength: 24,
          },
        ),
        async (asked) => {
          model = unique('model');
          runId = await registerVersions(test_.registry, model, 5);
          await promote(1, nobody);
          await Promise.all(
            asked.map(async ([what, version]) => {
              const now = await champion();
              const done: Promise<unknown> =
                what === 'promote'
                  ? promote(version, now)
                  : what === 'rollback'
                    ? rollback()
                    : withdraw(now.version ?? version, now.fencing);
              await outcome(done);
            }),
          );
          const { items } = await test_.registry.aliases.history({ tenant, model, pageSize: 1000 });
          const moves = [...items].reverse();
          expect(moves.map(({ fencing }) => fencing)).toEqual(moves.map((_, index) => index + 1));
          moves.forEach((move, index) => expect(move.from).toBe(moves[index - 1]?.to ?? null));
          expect((await get()).champion?.version ?? null).toBe(moves.at(-1)?.to ?? null);
        },
      ),
      { numRuns: 25 },
    );
  });
});

/** The answer, or the type of the failure. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  try {
    const answer = (await promise) as { readonly champion?: AliasState | number | null };
    const champion = answer.champion;
    return typeof champion === 'object' && champion !== null
      ? { ...answer, champion: { version: champion.version, fencing: champion.fencing } }
      : answer;
  } catch (error) {
    return (error as { readonly type?: string }).type ?? error;
  }
}

function shown({
  champion,
  previous,
}: {
  readonly champion: AliasState | null;
  readonly previous: AliasState | null;
}) {
  return {
    champion: champion && { version: champion.version, fencing: champion.fencing },
    previous: previous?.version ?? null,
  };
}

import fc from 'fast-check';
import type { RunId, Tenant } from '../../../domain/ids';
import type { RunRecord } from '../../../db/run/repository';
import { finalRunStatuses, runStatuses } from '../../../domain/run/run';
import {
  applyLifecycle,
  toDigest,
  openTestRegistry,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

describe('runs', () => {
  let test_: TestRegistry;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());

  async function acceptance(idempotencyKey?: string, request: object = { reason: 'asked' }) {
    const lifecycle = unique('accepted');
    const revisionDigest = await applyLifecycle(test_.registry, lifecycle);
    const input = {
      tenant,
      lifecycle,
      revisionDigest,
      request,
      actor: 'key:a',
      traceId: 't',
      requestDigest: toDigest(JSON.stringify(request)),
    };
    return { ...input, ...(idempotencyKey !== undefined && { idempotencyKey }) };
  }

  test('accepting writes run, outbox entry, event and audit row together', async () => {
    const { registry } = test_;
    const input = await acceptance(unique('key'));
    const { run, created } = await registry.runs.accept(input);
    expect(created).toBe(true);
    expect(run).toMatchObject({
      status: 'pending',
      workflowId: `run/default/${input.lifecycle}/${run.id}`,
      startedAt: null,
      endedAt: null,
    });
    expect(await registry.runs.get({ tenant, id: run.id })).toEqual(run);
    const entries = await registry.outbox.claim({ limit: 1000, leaseSeconds: 60 });
    expect(entries.find((entry) => entry.payload['runId'] === run.id)).toMatchObject({
      topic: 'run.start',
      payload: {
        workflowId: run.workflowId,
        request: input.request,
        revisionDigest: input.revisionDigest,
        traceId: 't',
      },
    });
    expect(
      await registry.events.list({ tenant, runId: run.id, afterSeq: 0, limit: 10 }),
    ).toMatchObject([{ seq: 1, kind: 'run.accepted' }]);
    const audit = await registry.audit.list({ tenant, subject: `run:${run.id}`, pageSize: 10 });
    expect(audit.items).toMatchObject([
      { action: 'run.accept', actor: 'key:a', cause: 'asked', sealedAs: null },
    ]);
  });

  test('50 parallel accepts with one key make one run', async () => {
    const input = await acceptance(unique('key'));
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => test_.registry.runs.accept(input)),
    );
    expect(new Set(answers.map(({ run }) => run.id)).size).toBe(1);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    const { items } = await test_.registry.runs.list({
      tenant,
      lifecycle: input.lifecycle,
      pageSize: 10,
    });
    expect(items).toHaveLength(1);
  });

  test('the same key with another request is refused, and starts nothing', async () => {
    const input = await acceptance(unique('key'));
    await test_.registry.runs.accept(input);
    const other = { ...input, request: { reason: 'other' }, requestDigest: toDigest('other') };
    await expect(test_.registry.runs.accept(other)).rejects.toMatchObject({
      type: 'IdempotencyConflict',
    });
    expect(
      (await test_.registry.runs.list({ tenant, lifecycle: input.lifecycle, pageSize: 10 })).items,
    ).toHaveLength(1);
  });

  test('an unknown revision is NotFound and leaves the key free', async () => {
    const input = await acceptance(unique('key'));
    const unknown = { ...input, revisionDigest: toDigest('unknown') };
    await expect(test_.registry.runs.accept(unknown)).rejects.toMatchObject({
      type: 'NotFound',
      next: 'perennial lifecycle apply',
    });
    await expect(test_.registry.runs.accept(input)).resolves.toMatchObject({ created: true });
  });

  test('another tenant cannot see it', async () => {
    const { run } = await test_.registry.runs.accept(await acceptance());
    expect(await test_.registry.runs.get({ tenant: 'other' as Tenant, id: run.id })).toBeNull();
  });

  test('opening finds the accepted run by its workflow and shows it as running', async () => {
    const { registry } = test_;
    const input = await acceptance();
    const { run } = await registry.runs.accept(input);
    const opened = await registry.runs.open({ ...input, workflowId: run.workflowId });
    expect(opened).toMatchObject({
      id: run.id,
      status: 'running',
      startedAt: expect.any(String) as string,
    });
    expect(await registry.runs.open({ ...input, workflowId: run.workflowId })).toEqual(opened);
  });

  test('opening creates the run of a schedule once, from the current revision', async () => {
    const { registry } = test_;
    const lifecycle = unique('scheduled');
    await applyLifecycle(registry, lifecycle, 'old');
    const revisionDigest = await applyLifecycle(registry, lifecycle, 'new');
    const open = {
      tenant,
      workflowId: `schedule/${lifecycle}`,
      lifecycle,
      request: {},
      actor: 'schedule',
      traceId: 't',
    };
    const opened = await Promise.all(Array.from({ length: 8 }, () => registry.runs.open(open)));
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
    expect(opened[0]).toMatchObject({ status: 'running', revisionDigest });
    await expect(
      registry.runs.open({ ...open, workflowId: 'x', lifecycle: 'nowhere' }),
    ).rejects.toMatchObject({ type: 'NotFound' });
  });

  test('a final state never changes, for any commands in any order', async () => {
    const { registry } = test_;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...runStatuses), { minLength: 1, maxLength: 8 }),
        async (statuses) => {
          const id = await startRun(registry);
          let final: string | null = null;
          for (const status of statuses) {
            const run = await registry.runs.update({
              tenant,
              id,
              status,
              waitingFor: 'an approver',
            });
            final ??= (finalRunStatuses as readonly string[]).includes(status) ? status : null;
            expect(run.status).toBe(final ?? status);
            expect(run.endedAt === null).toBe(final === null);
            expect(run.waitingFor === null).toBe(
              final !== null || (status !== 'waiting' && status !== 'paused'),
            );
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test('the database also refuses to change a final state', async () => {
    const { registry, database } = test_;
    const id = await startRun(registry);
    await registry.runs.update({ tenant, id, status: 'failed' });
    await expect(
      database.sql`update runs set status = 'running', ended_at = null where id = ${id}`,
    ).rejects.toThrow(/ended as failed and stays so/);
  });

  test('of two concurrent ends one wins, and both callers get it', async () => {
    const { registry } = test_;
    const id = await startRun(registry);
    const [a, b] = await Promise.all(
      (['succeeded', 'cancelled'] as const).map((status) =>
        registry.runs.update({ tenant, id, status }),
      ),
    );
    expect(a?.status).toBe(b?.status);
    expect((await registry.runs.get({ tenant, id }))?.status).toBe(a?.status);
  });

  test('the status waiting without a reason is refused', async () => {
    const id = await startRun(test_.registry);
    await expect(
      test_.registry.runs.update({ tenant, id, status: 'waiting' }),
    ).rejects.toMatchObject({ type: 'InvalidInput' });
  });

  test('an update keeps other fields, and writes nothing when nothing changes', async () => {
    const { registry } = test_;
    const id = await startRun(registry);
    const verdict = { kind: 'passed', reasons: [] } as const;
    await registry.runs.update({ tenant, id, status: 'running', version: 3, verdict });
    const run = await registry.runs.update({ tenant, id, status: 'running' });
    expect(run).toMatchObject({ version: 3, verdict });
    const events = await registry.events.list({ tenant, runId: id, afterSeq: 0, limit: 10 });
    expect(events.map(({ kind }) => kind)).toEqual(['run.opened', 'run.status']);
    await expect(
      registry.runs.update({ tenant, id: 'run_none' as RunId, status: 'running' }),
    ).rejects.toMatchObject({ type: 'NotFound' });
  });

  test('unfinished runs are those without a change for the given time', async () => {
    const { registry, database } = test_;
    const [old, fresh, done] = [
      await startRun(registry),
      await startRun(registry),
      await startRun(registry),
    ];
    await registry.runs.update({ tenant, id: done, status: 'succeeded' });
    await database.sql`update runs set touched_at = now() - interval '1 hour' where id = any(${[old, done]})`;
    const found = (await registry.runs.unfinished({ olderThanSeconds: 600, limit: 1000 })).map(
      ({ id }) => id,
    );
    expect(found).toContain(old);
    expect(found).not.toContain(fresh);
    expect(found).not.toContain(done);
    await registry.events.append({ tenant, runId: old, kind: 'sign.of.life', data: {} });
    expect(
      (await registry.runs.unfinished({ olderThanSeconds: 600, limit: 1000 })).map(({ id }) => id),
    ).not.toContain(old);
  });

  test('unfinished runs are paged, each once, one tenant after the other', async () => {
    const { registry, database } = test_;
    const other = unique('tenant') as Tenant;
    await database.sql`insert into tenants (id) values (${other})`;
    const lifecycle = unique('lifecycle');
    await applyLifecycle(registry, lifecycle, 'first', other);
    const opened = {
      workflowId: unique('workflow'),
      lifecycle,
      request: {},
      actor: 'schedule',
      traceId: 'trace',
    };
    const ids: string[] = [(await registry.runs.open({ tenant: other, ...opened })).id];
    for (let count = 0; count < 4; count += 1) ids.push(await startRun(registry));
    const found: RunRecord[] = [];
    for (
      let page: readonly RunRecord[] = [];
      found.length === 0 || page.length > 0;
      found.push(...page)
    ) {
      page = await registry.runs.unfinished({ olderThanSeconds: 0, limit: 2, after: found.at(-1) });
      expect(page.length).toBeLessThanOrEqual(2);
    }
    const foundIds = found.map(({ id }) => id as string);
    expect(new Set(foundIds).size).toBe(foundIds.length);
    expect(foundIds).toEqual(expect.arrayContaining(ids));
  });

  test('pages are stable: new rows neither repeat nor hide others', async () => {
    const { registry } = test_;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 3 }),
        async (count, pageSize, between) => {
          const lifecycle = unique('paged');
          await applyLifecycle(registry, lifecycle);
          const ids: string[] = [];
          for (let made = 0; made < count; made++) ids.push(await startRun(registry, lifecycle));
          const seen: string[] = [];
          let pageToken: string | undefined;
          do {
            const page = await registry.runs.list({ tenant, lifecycle, pageSize, pageToken });
            expect(page.items.length).toBeLessThanOrEqual(pageSize);
            seen.push(...page.items.map(({ id }) => id));
            pageToken = page.nextPageToken ?? undefined;
            for (let made = 0; made < between; made++) await startRun(registry, lifecycle);
          } while (pageToken !== undefined);
          expect(seen).toEqual(ids.reverse());
        },
      ),
      { numRuns: 12 },
    );
  });

  test('lists filter by status', async () => {
    const { registry } = test_;
    const lifecycle = unique('filtered');
    await applyLifecycle(registry, lifecycle);
    const [a] = [await startRun(registry, lifecycle), await startRun(registry, lifecycle)];
    await registry.runs.update({ tenant, id: a, status: 'stopped' });
    const { items } = await registry.runs.list({
      tenant,
      lifecycle,
      status: 'stopped',
      pageSize: 5,
    });
    expect(items.map(({ id }) => id)).toEqual([a]);
  });

  test('a text that PostgreSQL cannot store is an error of the caller', async () => {
    const input = await acceptance();
    await expect(test_.registry.runs.accept({ ...input, actor: 'a\0b' })).rejects.toMatchObject({
      type: 'InvalidInput',
    });
    const { run } = await test_.registry.runs.accept({
      ...input,
      request: { params: { note: 'a\0b' }, reason: 'r' },
    });
    expect(run.request.params).toEqual({ note: 'a\0b' });
  });
});

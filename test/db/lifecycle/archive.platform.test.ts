import { syncSchedule } from '../../../apps/temporal-clients/schedule-sync';
import type { ScheduleSpec } from '../../../domain/lifecycle/lifecycle';
import { fakeSchedules } from '../../apps/api/support/fake-schedules';
import {
  applyLifecycle,
  toDigest,
  openTestRegistry,
  refTo,
  signature,
  spec,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

let test_: TestRegistry;
beforeAll(async () => {
  test_ = await openTestRegistry({ maxConnections: 20 });
});
afterAll(() => test_.close());

const by = { actor: 'key:a', reason: 'replaced by another' };
const of = (name: string) => ({ tenant, name, ...by });
const lifecycles = () => test_.registry.lifecycles;

const accept = async (
  lifecycle: string,
  revisionDigest: Awaited<ReturnType<typeof applyLifecycle>>,
) => {
  const { run } = await test_.registry.runs.accept({
    tenant,
    lifecycle,
    revisionDigest,
    request: {},
    actor: 'key:a',
    traceId: 't',
    requestDigest: revisionDigest,
  });
  return run;
};

const end = (id: Awaited<ReturnType<typeof startRun>>) =>
  test_.registry.runs.update({ tenant, id, status: 'cancelled' });

const audited = async (name: string): Promise<readonly string[]> => {
  const { items } = await test_.registry.audit.list({
    tenant,
    subject: `lifecycle:${name}`,
    pageSize: 50,
  });
  return items.map(({ action }) => action).reverse();
};

const listed = async (archived: boolean): Promise<readonly string[]> => {
  const names: string[] = [];
  let pageToken: string | undefined;
  do {
    const page = await lifecycles().list({ tenant, archived, pageSize: 200, pageToken });
    names.push(...page.items.map(({ name }) => name));
    pageToken = page.nextPageToken ?? undefined;
  } while (pageToken !== undefined);
  return names;
};

/** A lifecycle whose version 1 serves and whose run has ended. */
async function serving(): Promise<string> {
  const name = unique('lifecycle');
  await applyLifecycle(test_.registry, name);
  const runId = await startRun(test_.registry, name);
  await test_.registry.models.register({
    tenant,
    model: name,
    runId,
    manifest: refTo(name),
    signature,
    idempotencyKey: `${name}/1`,
  });
  await test_.registry.aliases.promote({
    tenant,
    model: name,
    version: 1,
    decisionId: null,
    runId,
    actor: 'run',
    cause: 'decided',
    idempotencyKey: `${name}/promote`,
    expectedChampion: { version: null, fencing: 0 },
  });
  await end(runId);
  return name;
}

describe('an archived lifecycle', () => {
  test('accepts no manual or scheduled run until it is restored', async () => {
    const name = unique('lifecycle');
    const digest = await applyLifecycle(test_.registry, name);
    const begun = await accept(name, digest);
    expect(await lifecycles().archive(of(name))).toMatchObject({
      archived: { by: 'key:a', reason: by.reason },
      openRuns: [begun.id],
    });

    const refused = {
      type: 'Conflict',
      next: expect.stringContaining(`lifecycle unarchive ${name}`) as string,
    };
    await expect(accept(name, digest)).rejects.toMatchObject(refused);
    await expect(startRun(test_.registry, name)).rejects.toMatchObject(refused);
    await expect(
      lifecycles().apply({ tenant, revision: buildRevision(name, 'second'), actor: 'key:a' }),
    ).rejects.toMatchObject(refused);
    // Runs that were accepted before continue.
    const opened = {
      tenant,
      workflowId: begun.workflowId,
      lifecycle: name,
      request: {},
      actor: 'key:a',
      traceId: 't',
    };
    expect(await test_.registry.runs.open(opened)).toMatchObject({
      id: begun.id,
      status: 'running',
    });

    await lifecycles().unarchive(of(name));
    expect((await accept(name, digest)).status).toBe('pending');
  });

  test('is listed separately, and archiving twice has one audit row', async () => {
    const name = unique('lifecycle');
    await applyLifecycle(test_.registry, name);
    await lifecycles().archive(of(name));
    expect(await lifecycles().archive({ ...of(name), reason: 'another' })).toMatchObject({
      archived: { reason: by.reason },
    });
    expect(await listed(false)).not.toContain(name);
    expect(await listed(true)).toContain(name);
    await lifecycles().unarchive(of(name));
    expect(await lifecycles().unarchive(of(name))).toMatchObject({ archived: null });
    expect(await listed(false)).toContain(name);
    expect(await audited(name)).toEqual([
      'lifecycle.apply',
      'lifecycle.archive',
      'lifecycle.unarchive',
    ]);
  });

  test('continues to serve', async () => {
    const name = await serving();
    expect(await lifecycles().archive(of(name))).toMatchObject({ champion: 1, openRuns: [] });
    expect((await test_.registry.aliases.get({ tenant, model: name })).champion).toMatchObject({
      version: 1,
    });
  });

  test('enqueues the removal and the return of its schedule in the same transaction', async () => {
    const name = unique('lifecycle');
    await lifecycles().apply({
      tenant,
      revision: buildRevision(name, 'scheduled', hourly),
      actor: 'key:a',
    });
    const schedules = fakeSchedules();
    const synced = async () => {
      await syncSchedule({ registry: test_.registry, schedules }, { tenant, lifecycle: name });
      return schedules.synced.at(-1)?.schedule ?? null;
    };
    const promised = async (): Promise<number> => {
      const [row] = await test_.database.sql<{ count: number }[]>`
        select count(*)::int as count from outbox where topic = 'schedule.sync' and payload ->> 'lifecycle' = ${name}`;
      return row?.count ?? 0;
    };
    const before = await promised();
    await lifecycles().archive(of(name));
    expect(await promised()).toBe(before + 1);
    expect(await synced()).toBeNull();
    expect(
      (await test_.registry.schedules.watched()).map(({ lifecycle }) => lifecycle),
    ).not.toContain(name);
    await lifecycles().unarchive(of(name));
    expect(await synced()).toEqual(hourly);
    expect((await test_.registry.schedules.watched()).map(({ lifecycle }) => lifecycle)).toContain(
      name,
    );
  });

  test('keeps its schedule when it is restored while a slow process deletes it', async () => {
    const name = unique('lifecycle');
    await lifecycles().apply({
      tenant,
      revision: buildRevision(name, 'scheduled', hourly),
      actor: 'key:a',
    });
    await lifecycles().archive(of(name));
    const schedules = fakeSchedules();
    const slow = {
      sync: async (given: Parameters<typeof schedules.sync>[0]) => {
        if (schedules.synced.length === 0) await lifecycles().unarchive(of(name));
        await schedules.sync(given);
      },
    };
    await syncSchedule({ registry: test_.registry, schedules: slow }, { tenant, lifecycle: name });
    expect(schedules.synced.map(({ schedule }) => schedule)).toEqual([null, hourly]);
  });

  test('counts a run that was accepted at the same moment, or refuses it', async () => {
    const name = unique('lifecycle');
    const digest = await applyLifecycle(test_.registry, name);
    const starts = Array.from({ length: 8 }, () =>
      accept(name, digest).then(
        ({ id }) => id,
        () => null,
      ),
    );
    const [archive, ...ids] = await Promise.all([lifecycles().archive(of(name)), ...starts]);
    const accepted = ids.filter((id) => id !== null);
    // Each run is either counted by the archiving or refused.
    expect([...archive.openRuns].sort()).toEqual([...accepted].sort());
  });
});

describe('a deleted lifecycle', () => {
  test('must be archived before, and have no open runs', async () => {
    const name = unique('lifecycle');
    await applyLifecycle(test_.registry, name);
    const remove = () => lifecycles().delete({ ...of(name), stopServing: false });
    await expect(remove()).rejects.toMatchObject({
      type: 'Conflict',
      next: expect.stringContaining('lifecycle archive') as string,
    });
    const run = await startRun(test_.registry, name);
    await lifecycles().archive(of(name));
    await expect(remove()).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining(`${run} has not ended`) as string,
    });
    await end(run);
    expect(await remove()).toMatchObject({ deletedAt: expect.any(String) as string });
    expect(await remove()).toMatchObject({ deletedAt: expect.any(String) as string });
    expect(await audited(name)).toEqual([
      'lifecycle.apply',
      'lifecycle.archive',
      'lifecycle.delete',
    ]);
  });

  test('must not serve, unless its champion is withdrawn with it', async () => {
    const name = await serving();
    await lifecycles().archive(of(name));
    await expect(lifecycles().delete({ ...of(name), stopServing: false })).rejects.toMatchObject({
      message: expect.stringContaining(`${name}@1 serves requests`) as string,
    });
    await lifecycles().delete({ ...of(name), stopServing: true });
    expect((await test_.registry.aliases.get({ tenant, model: name })).champion).toBeNull();
    const { items } = await test_.registry.aliases.history({ tenant, model: name, pageSize: 10 });
    expect(items[0]).toMatchObject({ kind: 'withdraw', cause: by.reason, actor: 'key:a' });
  });

  test('is in no list and keeps its records; applied again it continues its numbers', async () => {
    const name = await serving();
    await lifecycles().archive(of(name));
    await lifecycles().delete({ ...of(name), stopServing: true });
    expect(await lifecycles().get({ tenant, name })).toBeNull();
    expect([...(await listed(true)), ...(await listed(false))]).not.toContain(name);
    const runs = await test_.registry.runs.list({ tenant, lifecycle: name, pageSize: 10 });
    expect(runs.items).toHaveLength(1);
    await expect(lifecycles().unarchive(of(name))).rejects.toMatchObject({ type: 'NotFound' });
    await expect(startRun(test_.registry, name)).rejects.toMatchObject({ type: 'NotFound' });

    expect(
      await lifecycles().apply({ tenant, revision: buildRevision(name, 'second'), actor: 'key:a' }),
    ).toMatchObject({
      revision: { revision: 2 },
      changed: true,
    });
    expect(await listed(false)).toContain(name);
    await startRun(test_.registry, name);
  });

  test('is restored unchanged when the same revision is applied again', async () => {
    const name = unique('lifecycle');
    await applyLifecycle(test_.registry, name);
    await lifecycles().archive(of(name));
    await lifecycles().delete({ ...of(name), stopServing: false });
    await applyLifecycle(test_.registry, name);
    expect(await lifecycles().get({ tenant, name })).toMatchObject({ revision: 1 });
  });
});

const hourly: ScheduleSpec = {
  cron: '0 * * * *',
  timezone: 'UTC',
  overlap: 'skip',
  catchupSeconds: 60,
  jitterSeconds: 0,
  paused: false,
};

function buildRevision(lifecycle: string, content: string, schedule: ScheduleSpec | null = null) {
  return {
    lifecycle,
    digest: toDigest(`${lifecycle} ${content}`),
    spec: { ...spec, name: lifecycle, schedule },
    files: { 'a.sql': refTo(content) },
    contracts: {},
  };
}

import { createRunRecordActivities } from '../../../activities/run/record';
import { openArtifactStore, type ArtifactStore } from '../../../data/artifact/store';
import type { ArtifactRef } from '../../../domain/artifact';
import type { RunId } from '../../../domain/ids';
import { toBuildId } from '../../../domain/lifecycle/sections/program';
import type { LifecycleInput } from '../../../workflows/run/messages';
import type { ScheduleSpec } from '../../../domain/lifecycle/lifecycle';
import {
  applyLifecycle,
  toDigest,
  openTestRegistry,
  spec,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';
import { testBucket } from '../../support/platform';

let test_: TestRegistry;
let artifacts: ArtifactStore;
let record: ReturnType<typeof createRunRecordActivities>;

beforeAll(async () => {
  test_ = await openTestRegistry();
  artifacts = openArtifactStore({ ...testBucket(), leases: test_.registry.artifacts });
  await artifacts.ensureBucket();
  record = createRecorder('code 1');
});
afterAll(async () => {
  artifacts.close();
  await test_.close();
});

const createRecorder = (code: string) =>
  createRunRecordActivities({ registry: test_.registry, artifacts, codeDigest: toDigest(code) });

async function buildInput(
  lifecycle = unique('lifecycle'),
): Promise<LifecycleInput & { readonly workflowId: string }> {
  const revision = await applyLifecycle(test_.registry, lifecycle);
  const request = { reason: 'why' };
  const traceId = 'a'.repeat(32);
  const accept = {
    tenant,
    lifecycle,
    revisionDigest: revision,
    request,
    actor: 'test',
    traceId,
    requestDigest: revision,
  };
  const { run } = await test_.registry.runs.accept(accept);
  return {
    tenant,
    workflowId: run.workflowId,
    lifecycle,
    kind: 'ModelLifecycle',
    revision,
    request,
    actor: 'test',
    traceId,
  };
}

const opened = async (lifecycle?: string): Promise<RunId> =>
  (await record.openRun(await buildInput(lifecycle))).runId;
const readStatus = async (id: RunId) => (await test_.registry.runs.get({ tenant, id }))?.status;
const stored = (text: string): Promise<ArtifactRef> =>
  artifacts.putBytes({
    tenant,
    bytes: Buffer.from(text),
    mediaType: 'application/vnd.apache.parquet',
  });
const at = (runId: RunId, stage = 'train') => ({ tenant, runId, stage, generation: 1 });
const cached = { inputs: { data: 1 }, reuse: { kind: 'cache' } } as const;
const passed = { kind: 'passed', reasons: [] } as const;

describe('openRun', () => {
  test('returns the same run and trace on a retry', async () => {
    const input = await buildInput();
    const first = await record.openRun(input);
    expect(first).toMatchObject({
      lifecycle: input.lifecycle,
      revision: input.revision,
      request: { reason: 'why' },
      contracts: {},
    });
    expect(first.traceId).toBe(input.traceId);
    expect(await record.openRun(input)).toEqual(first);
    expect(await readStatus(first.runId)).toBe('running');
  });

  test("accepts a run without the API only from a schedule, with the registry's data", async () => {
    const lifecycle = unique('scheduled');
    const open = (workflowId: string) =>
      record.openRun({
        tenant,
        workflowId,
        lifecycle,
        kind: 'ModelLifecycle',
        request: { reason: 'mine', fromStage: 'promote' },
        actor: 'mallory',
        traceId: '',
      });
    await applyLifecycle(test_.registry, lifecycle);
    const refused = {
      type: 'Forbidden',
      message: expect.stringContaining('neither the API nor a schedule') as string,
    };
    await expect(open(`run/default/${lifecycle}/scheduled-2026`)).rejects.toMatchObject(refused);
    const schedule = { cron: '0 6 * * 1' } as unknown as ScheduleSpec;
    const revision = {
      lifecycle,
      digest: toDigest(lifecycle),
      spec: { ...spec, name: lifecycle, schedule },
      files: {},
      contracts: {},
    };
    await test_.registry.lifecycles.apply({ tenant, revision, actor: 'test' });
    await expect(open(`run/default/${lifecycle}/mine`)).rejects.toMatchObject(refused);
    const plan = await open(`run/default/${lifecycle}/scheduled-2026`);
    expect(plan).toMatchObject({ lifecycle, request: { reason: 'scheduled' } });
    expect(plan.request).not.toHaveProperty('fromStage');
    expect(plan.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(await test_.registry.runs.get({ tenant, id: plan.runId })).toMatchObject({
      actor: 'schedule',
    });
    const subject = `workflow:run/default/${lifecycle}/mine`;
    expect((await test_.registry.audit.list({ tenant, subject, pageSize: 5 })).items).toMatchObject(
      [{ action: 'run.refused' }],
    );
  });

  test('opens no scheduled run while a brake is in force, unless a person requests it', async () => {
    const lifecycle = unique('braked');
    const schedule = { cron: '0 6 * * 1', overlap: 'skip' } as unknown as ScheduleSpec;
    const revision = {
      lifecycle,
      digest: toDigest(lifecycle),
      spec: { ...spec, name: lifecycle, schedule },
      files: {},
      contracts: {},
    };
    await test_.registry.lifecycles.apply({ tenant, revision, actor: 'test' });
    const open = (until: string) =>
      record.openRun({
        tenant,
        workflowId: `run/default/${lifecycle}/scheduled-${until}`,
        lifecycle,
        kind: 'ModelLifecycle',
        request: { until },
        actor: 'schedule',
        traceId: '',
      });
    const { runId } = await open('2026-01-05T06:00:00Z');
    const monday = '2026-01-12T06:00:00Z';
    await expect(open(monday)).rejects.toMatchObject({
      type: 'Conflict',
      message: `the schedule of ${lifecycle} started no run: ${runId} is open`,
      next: `perennial retraining show ${lifecycle}`,
    });
    expect(await test_.registry.schedules.skips({ tenant, lifecycle, limit: 5 })).toMatchObject([
      { cause: `${runId} is open`, runId },
    ]);
    // A trigger in the Web UI of Temporal; a cron expression names whole minutes.
    expect(await open('2026-01-12T06:00:07Z')).toMatchObject({ lifecycle });
    await test_.registry.lifecycles.auditSchedule({
      tenant,
      name: lifecycle,
      action: 'backfill',
      actor: 'ann',
      cause: 'the week was missed',
      after: { from: monday, to: monday },
    });
    expect(await open(monday)).toMatchObject({ lifecycle });
  });

  test('opens a scheduled run with the revision of its build, unless that is looser', async () => {
    const name = unique('scheduled');
    const schedule = { cron: '0 6 * * 1', overlap: 'allowAll' } as unknown as ScheduleSpec;
    const apply = async (build: string, change: Partial<typeof spec> = {}) => {
      const program = {
        project: 'shop',
        build: toDigest(build),
        params: null,
        stages: {},
        steps: {},
        files: {},
        environment: null,
      };
      const revision = {
        lifecycle: name,
        digest: toDigest(`${name} ${build}`),
        spec: { ...spec, name, schedule, program, ...change },
        files: {},
        contracts: {},
      };
      await test_.registry.lifecycles.apply({ tenant, revision, actor: 'test' });
      return revision.digest;
    };
    let times = 0;
    const openedBy = async (build: string) => {
      times += 1;
      const { revision } = await record.openRun({
        tenant,
        workflowId: `run/default/${name}/scheduled-${times}`,
        lifecycle: name,
        kind: 'ModelLifecycle',
        request: {},
        actor: 'schedule',
        traceId: '',
        buildId: toBuildId(toDigest(build)),
      });
      return revision;
    };
    const first = await apply('first');
    expect(await openedBy('first')).toBe(first);
    const second = await apply('second');
    // Temporal may send a run to the first build until the worker of the second has started.
    expect(await openedBy('first')).toBe(first);
    expect(await openedBy('second')).toBe(second);
    expect(await openedBy('unknown')).toBe(second);
    // The second is looser than the third, so that its runs do not use it any more.
    const approval = { ...spec.promote.approval, required: 1 };
    const third = await apply('third', { promote: { approval } });
    expect(await openedBy('second')).toBe(third);
  });

  test('does not restart an ended run', async () => {
    const input = await buildInput();
    const { runId } = await record.openRun(input);
    await record.closeRun({ tenant, runId, status: 'cancelled', verdict: null, version: null });
    await expect(record.openRun(input)).rejects.toMatchObject({
      type: 'Conflict',
      message: `${runId} has already ended as cancelled`,
    });
  });
});

describe('closeRun', () => {
  test('audits a run that was cancelled without the API', async () => {
    const elsewhere = async (runId: RunId) => {
      await record.closeRun({ tenant, runId, status: 'cancelled', verdict: null, version: null });
      const { items } = await test_.registry.audit.list({
        tenant,
        subject: `run:${runId}`,
        action: 'run.cancelledElsewhere',
        pageSize: 5,
      });
      return items.length;
    };
    expect(await elsewhere(await opened())).toBe(1);
    const asked = await opened();
    await test_.registry.commands.audit({
      tenant,
      actor: 'ada',
      action: 'run.cancel',
      subject: `run:${asked}`,
      cause: 'asked for',
    });
    expect(await elsewhere(asked)).toBe(0);
  });
});

describe('beginStage and finishStage', () => {
  test('a stage may begin twice; after its end a retry returns the end and changes nothing', async () => {
    const runId = await opened();
    const begin = () => record.beginStage({ ...at(runId), ...cached });
    expect([await begin(), await begin()]).toEqual([{ kind: 'run' }, { kind: 'run' }]);
    const end = { output: { model: await stored(runId) }, verdict: passed };
    await record.finishStage({ ...at(runId), status: 'succeeded', end });
    await record.finishStage({
      ...at(runId),
      status: 'failed',
      failure: { type: 'Bug', message: 'a late attempt' },
    });
    expect(await begin()).toEqual({ kind: 'reused', fromRun: runId, end });
  });

  test('another run reuses the output of equal inputs and code while its artifacts exist', async () => {
    const lifecycle = unique('lifecycle');
    const [first, second, third, fourth] = [
      await opened(lifecycle),
      await opened(lifecycle),
      await opened(lifecycle),
      await opened(lifecycle),
    ];
    const model = await stored(first);
    await record.beginStage({ ...at(first), ...cached });
    await record.finishStage({ ...at(first), status: 'succeeded', end: { output: { model } } });

    expect(await record.beginStage({ ...at(second), ...cached })).toEqual({
      kind: 'reused',
      fromRun: first,
      end: { output: { model } },
    });
    expect(await record.beginStage({ ...at(third), ...cached, inputs: { data: 2 } })).toEqual({
      kind: 'run',
    });
    expect(await createRecorder('code 2').beginStage({ ...at(third, 'tune'), ...cached })).toEqual({
      kind: 'run',
    });

    await artifacts.delete({ tenant, digest: model.digest });
    expect(await record.beginStage({ ...at(fourth), ...cached })).toEqual({ kind: 'run' });
    expect(await record.beginStage({ ...at(fourth), ...cached })).toEqual({ kind: 'run' });
  });

  test('an output that is not reusable is reused only by its own run and by a rerun of it', async () => {
    const lifecycle = unique('lifecycle');
    const [first, second, third] = [
      await opened(lifecycle),
      await opened(lifecycle),
      await opened(lifecycle),
    ];
    await record.beginStage({ ...at(first), ...cached });
    const end = { output: { left: 'out' } };
    await record.finishStage({
      ...at(first),
      status: 'succeeded',
      end: { ...end, notReusable: true },
    });
    const reused = { kind: 'reused', fromRun: first, end };
    expect(await record.beginStage({ ...at(first), ...cached })).toEqual(reused);
    expect(await record.beginStage({ ...at(second), ...cached })).toEqual({ kind: 'run' });
    expect(
      await record.beginStage({ ...at(third), inputs: {}, reuse: { kind: 'from', run: first } }),
    ).toEqual(reused);
  });

  test('a rerun fails when an output that it must reuse no longer exists', async () => {
    const lifecycle = unique('lifecycle');
    const [first, second] = [await opened(lifecycle), await opened(lifecycle)];
    const model = await stored(first);
    await record.beginStage({ ...at(first), ...cached });
    await record.finishStage({ ...at(first), status: 'succeeded', end: { output: { model } } });
    await artifacts.delete({ tenant, digest: model.digest });
    const begun = record.beginStage({
      ...at(second),
      inputs: {},
      reuse: { kind: 'from', run: first },
    });
    await expect(begun).rejects.toMatchObject({
      type: 'ArtifactMissing',
      next: 'rerun from an earlier stage',
    });
  });

  test('artifacts of an output are referenced before the output is recorded', async () => {
    const runId = await opened();
    await record.beginStage({ ...at(runId), ...cached });
    const gone = { ...(await stored(`${runId} gone`)), digest: toDigest('never stored') };
    const end = { output: { model: gone } };
    await expect(
      record.finishStage({ ...at(runId), status: 'succeeded', end }),
    ).rejects.toMatchObject({ type: 'ArtifactMissing' });
    expect(await record.beginStage({ ...at(runId), ...cached })).toEqual({ kind: 'run' });
  });
});

describe('beginUndo and closeRun', () => {
  test('the first recorded end of a run stays', async () => {
    const runId = await opened();
    const end = { status: 'stopped', verdict: passed, version: null } as const;
    expect(await record.closeRun({ tenant, runId, ...end })).toEqual(end);
    const late = await record.closeRun({
      tenant,
      runId,
      status: 'failed',
      verdict: null,
      version: null,
      failure: { type: 'Bug', message: 'late' },
    });
    expect(late).toEqual(end);
    expect(await record.beginUndo({ tenant, runId })).toEqual(end);
  });

  test('a run that is being undone may fail or be cancelled, but not succeed', async () => {
    const runId = await opened();
    expect([
      await record.beginUndo({ tenant, runId }),
      await record.beginUndo({ tenant, runId }),
    ]).toEqual([null, null]);
    const well = record.closeRun({
      tenant,
      runId,
      status: 'succeeded',
      verdict: passed,
      version: 1,
    });
    await expect(well).rejects.toMatchObject({ type: 'FencedOff' });
    await record.closeRun({ tenant, runId, status: 'cancelled', verdict: null, version: null });
    expect(await readStatus(runId)).toBe('cancelled');
  });
});

test('recordRunStatus sets and clears what the run waits for, except after its end', async () => {
  const runId = await opened();
  const waits = async () => (await test_.registry.runs.get({ tenant, id: runId }))?.waitingFor;
  await record.recordRunStatus({ tenant, runId, status: 'waiting', waitingFor: '1 approval' });
  expect(await waits()).toBe('1 approval');
  await record.recordRunStatus({ tenant, runId, status: 'running', waitingFor: null });
  expect(await waits()).toBeNull();
  await record.closeRun({ tenant, runId, status: 'cancelled', verdict: null, version: null });
  await record.recordRunStatus({ tenant, runId, status: 'waiting', waitingFor: '1 approval' });
  expect([await readStatus(runId), await waits()]).toEqual(['cancelled', null]);
});

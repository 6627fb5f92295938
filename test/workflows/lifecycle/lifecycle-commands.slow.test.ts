import {
  approveUpdate,
  pauseUpdate,
  rejectUpdate,
  resumeUpdate,
  statusQuery,
} from '../../../workflows/run/messages';
import { buildCommand } from '../../support/commands';
import { artifact, digest, buildPlan } from '../../support/fake-activities';
import { openLifecycleRuns, type LifecycleRuns } from '../../support/lifecycle-runs';
import { untilAnswer } from '../../support/time/until';

let runs: LifecycleRuns;
beforeAll(async () => {
  runs = await openLifecycleRuns();
});
afterAll(() => runs.close());

describe('commands to a model lifecycle', () => {
  test('waits for the required number of different approvers', async () => {
    const { handle, end } = await runs.start(buildPlan({ approval: 2 }));
    await untilAnswer(
      () => handle.query(statusQuery),
      (state) => state.status === 'waiting',
    );
    await expect(
      handle.executeUpdate(approveUpdate, { args: [buildCommand({ actor: 'mallory' })] }),
    ).rejects.toThrow();
    await handle.executeUpdate(approveUpdate, { args: [buildCommand({ actor: 'ada' })] });
    await handle.executeUpdate(approveUpdate, { args: [buildCommand({ actor: 'ada' })] });
    expect(await handle.query(statusQuery)).toMatchObject({ status: 'waiting' });
    await handle.executeUpdate(approveUpdate, { args: [buildCommand({ actor: 'grace' })] });
    const outcome = await end();
    await runs.record('model-lifecycle-approved', handle);
    expect(outcome).toMatchObject({ status: 'succeeded' });
    expect(outcome.verdict?.reasons).toContainEqual({
      gate: 'approval',
      code: 'approval.given',
      message: 'approved by ada, grace',
    });
  });

  test('stops when one approver rejects', async () => {
    const { handle, fake, end } = await runs.start(buildPlan({ approval: 1 }));
    await untilAnswer(
      () => handle.query(statusQuery),
      (state) => state.status === 'waiting',
    );
    await handle.executeUpdate(rejectUpdate, {
      args: [buildCommand({ actor: 'ada', reason: 'not on a Friday' })],
    });
    const outcome = await end();
    await runs.record('model-lifecycle-rejected', handle);
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'failed' } });
    expect(fake.calls).not.toContain('promoteVersion');
    expect(fake.calls).toContain('rejectVersion');
  });

  test('keeps the version a candidate when the approval times out', async () => {
    const plan = buildPlan({ approval: 2 });
    const promote = { approval: { ...plan.spec.promote.approval, timeoutSeconds: 2 } };
    const { handle, fake, end } = await runs.start({ ...plan, spec: { ...plan.spec, promote } });
    await untilAnswer(
      () => handle.query(statusQuery),
      (state) => state.status === 'waiting',
    );
    await handle.executeUpdate(approveUpdate, { args: [buildCommand({ actor: 'ada' })] });
    const outcome = await end();
    const reason = {
      gate: 'approval',
      code: 'approval.timeout',
      message: '1 of 2 approvals within 2s',
    };
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(outcome.verdict?.reasons).toContainEqual(reason);
    expect(fake.calls).not.toContain('promoteVersion');
    expect(fake.calls).not.toContain('rejectVersion');
  });

  test('rejects a vote while the run waits for none', async () => {
    const { handle, end } = await runs.start(buildPlan());
    await expect(
      handle.executeUpdate(approveUpdate, { args: [buildCommand({ actor: 'ada' })] }),
    ).rejects.toThrow();
    await end();
  });

  test('pauses before the next stage and shows what it waits for', async () => {
    let trained: () => void = () => undefined;
    const release = new Promise<void>((resolve) => (trained = resolve));
    const { handle, fake, end } = await runs.start(buildPlan(), {
      trainModel: async () => {
        await release;
        return {
          result: { metrics: {}, facts: {} },
          onnx: artifact('onnx'),
          logs: artifact('logs'),
          trainer: { name: 'lightgbm', codeDigest: digest('code') },
        };
      },
    });
    await handle.executeUpdate(pauseUpdate, {
      args: [buildCommand({ actor: 'ada', reason: 'freeze' })],
    });
    trained();
    const state = await untilAnswer(
      () => handle.query(statusQuery),
      ({ status }) => status === 'paused',
    );
    expect(state.waitingFor).toContain('paused by ada (freeze)');
    expect(fake.calls).not.toContain('evaluateCandidate');
    await handle.executeUpdate(resumeUpdate, { args: [buildCommand({ actor: 'ada' })] });
    const outcome = await end();
    await runs.record('model-lifecycle-paused', handle);
    expect(outcome).toMatchObject({ status: 'succeeded' });
  });
});

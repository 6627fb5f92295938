import { resolve } from 'node:path';
import { trialKey } from '../../../activities/tuning/study-trials';
import { createTuningActivities } from '../../../activities/tuning/tuning';
import type { TuneSpec } from '../../../domain/tuning/tune-spec';
import { openTestRegistry, startRun, tenant } from '../../db/registry-fixture';

const tune: TuneSpec = {
  metric: 'logloss',
  direction: 'minimize',
  trials: 2,
  parallel: 1,
  sampler: 'random',
  pruner: 'none',
  seed: 1,
  budgetSeconds: null,
  space: { depth: { kind: 'int', low: 1, high: 3, step: 1, log: false } },
};

test('the end of a trial whose job was lost for good releases its reservation', async () => {
  const test_ = await openTestRegistry();
  const { registry } = test_;
  const trainersDir = resolve('trainers');
  try {
    const runId = await startRun(registry);
    const trial = { tenant, runId, study: 'tune', number: 0 };
    await registry.trials.start({ ...trial, params: { depth: 2 } });
    const resources = { cpus: 2, memoryBytes: 2 ** 30, timeoutSeconds: 600 };
    const demand = { backend: 'local', resources, usdPerHour: null } as const;
    await registry.costs.reserve({ tenant, runId, jobId: trialKey(trial, 0), demand });
    const report = async () =>
      (await registry.costs.report({ tenant, by: 'run', run: runId })).items;
    expect(await report()).toMatchObject([
      { reservedCpuHours: expect.closeTo(1 / 3, 6) as number },
    ]);
    const tuning = createTuningActivities({ registry, trainersDir });
    const end = { status: 'failed', value: null, reason: 'its job was lost' } as const;
    await tuning.endTrial({ ...trial, end, tune });
    expect(await report()).toMatchObject([{ jobs: 1, reservedCpuHours: 0 }]);
    await tuning.endTrial({ ...trial, end, tune });
  } finally {
    await test_.close();
  }
});

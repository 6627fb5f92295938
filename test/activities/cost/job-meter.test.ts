import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { CostRepository, JobReservation } from '../../../db/cost/repository';
import type { JobDemand } from '../../../domain/cost/usage';
import { defaultTenant } from '../../../domain/ids';
import type { TrainerJob } from '../../../domain/training/job';
import { fakeCosts, freeMeter } from '../../support/cost/fake-costs';

const hour = 3_600_000;
const job: TrainerJob = {
  id: 'run_1/train/job/1',
  tenant: 'default',
  trainer: 'probe',
  params: {},
  seed: 1,
  inputs: {},
  context: {},
  resources: { cpus: 2, memoryBytes: 2 ** 30, timeoutSeconds: 600 },
};
const budget = {
  tenant: defaultTenant,
  scope: 'run/run_1',
  unit: 'cpuHours',
  limit: 10 * hour,
  assumed: 0,
} as const;

/** The error of a job for which its budget leaves no room, ten minutes later if it waits. */
async function catchError(answer: JobReservation): Promise<unknown> {
  const costs: CostRepository = { ...fakeCosts(), reserve: () => Promise.resolve(answer) };
  const start = Date.now();
  let calls = 0;
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => start + calls++ * 700_000);
  try {
    const logger = new DefaultLogger('ERROR');
    await new MockActivityEnvironment({}, { logger }).run(() => freeMeter(job.id, costs).open(job));
    return null;
  } catch (error) {
    return error;
  } finally {
    clock.mockRestore();
  }
}

test('a job on several nodes reserves all of them', async () => {
  const asked: JobDemand[] = [];
  const costs: CostRepository = {
    ...fakeCosts(),
    reserve: ({ demand }) => {
      asked.push(demand);
      return Promise.resolve({ kind: 'reserved', limit: null });
    },
  };
  const several = { ...job, resources: { ...job.resources, nodes: 3 } };
  await new MockActivityEnvironment().run(() => freeMeter(job.id, costs).open(several));
  expect(asked).toMatchObject([{ resources: { cpus: 6, memoryBytes: 3 * 2 ** 30 } }]);
});

describe('the error of a job that a budget does not let start', () => {
  test('says that the budget has no room while other jobs hold it', async () => {
    const held = { ...budget, spent: 0.3 * hour, reserved: 9.7 * hour };
    expect(await catchError({ kind: 'held', budget: held, needed: 0.05 * hour })).toMatchObject({
      type: 'BudgetSpent',
      message:
        'the budget of run/run_1 has no room now: 0.3 CPU-hours of 10 CPU-hours used, ' +
        '9.7 CPU-hours reserved by running jobs, 0.05 CPU-hours needed; ' +
        'job run_1/train/job/1 cannot start',
      next: expect.stringMatching(
        /^wait until running jobs have ended; or raise spec\.budget/,
      ) as string,
    });
  });

  test('says that the budget has too little left when no job could release enough', async () => {
    const spent = { ...budget, spent: 9.99 * hour, reserved: 0 };
    expect(await catchError({ kind: 'spent', budget: spent, needed: 0.05 * hour })).toMatchObject({
      message:
        'the budget of run/run_1 has too little left: 9.99 CPU-hours of 10 CPU-hours used, ' +
        '0.05 CPU-hours needed; job run_1/train/job/1 cannot start',
      next: expect.stringMatching(/^raise spec\.budget/) as string,
    });
  });
});

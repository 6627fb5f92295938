import { createSlurmEngine } from '../../../../../activities/training/compute/slurm/engine';
import { testRemoteBackend } from '../../../../contracts/remote-backend';
import { startSlurm, type RunningSlurm } from '../../../../support/engine/slurm';

let slurm: RunningSlurm;

beforeAll(async () => {
  slurm = await startSlurm();
}, 60_000);
afterAll(() => slurm.close());

testRemoteBackend('slurm', () =>
  createSlurmEngine({
    url: slurm.url,
    user: slurm.user,
    token: () => slurm.token(),
    workingDirectory: slurm.workingDirectory,
  }),
);

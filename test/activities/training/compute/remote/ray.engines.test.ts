import { createRayEngine } from '../../../../../activities/training/compute/ray/engine';
import { testRemoteBackend } from '../../../../contracts/remote-backend';
import { startRay, type RunningRay } from '../../../../support/engine/ray';

let ray: RunningRay;

beforeAll(async () => {
  ray = await startRay();
}, 120_000);
afterAll(() => ray.close());

testRemoteBackend('ray', () => createRayEngine({ url: ray.url }));

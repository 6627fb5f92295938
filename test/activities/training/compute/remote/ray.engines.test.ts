import { createRayEngine } from '../../../../../activities/training/compute/ray/engine';
import { testRemoteBackend } from '../../../../contracts/remote-backend';
import { startRay, type RunningRay } from '../../../../support/engine/ray';

let ray: RunningRay;

beforeAll(async () => {
  ray = await startRay();
}, 180_000);
afterAll(() => (ray as RunningRay | undefined)?.close(), 60_000);

testRemoteBackend('ray', () => createRayEngine({ url: ray.url }));

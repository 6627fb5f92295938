import { createKubernetesEngine } from '../../../../../activities/training/compute/kubernetes/engine';
import { testRemoteBackend } from '../../../../contracts/remote-backend';
import {
  startFakeKubernetes,
  type FakeKubernetes,
} from '../../../../support/engine/kubernetes/cluster';

let fake: FakeKubernetes;

beforeAll(async () => {
  fake = await startFakeKubernetes();
});
afterAll(async () => {
  expect(fake.violations).toEqual([]);
  await fake.close();
});

testRemoteBackend('kubernetes', () => {
  const { namespace, image, kubeconfig } = fake;
  return createKubernetesEngine({ namespace, image, kubeconfig });
});

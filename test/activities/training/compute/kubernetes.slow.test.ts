import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createKubernetesEngine,
  type KubernetesSettings,
} from '../../../../activities/training/compute/kubernetes/engine';
import { parseQuantity } from '../../../../activities/training/compute/kubernetes/quantity';
import {
  buildKubeconfig,
  startFakeKubernetes,
  type FakeKubernetes,
} from '../../../support/engine/kubernetes/cluster';
import { testComputeEngine } from './engine-contract';

const folder = mkdtempSync(join(tmpdir(), 'perennial-kubeconfigs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const buildSettings = ({ namespace, image, kubeconfig }: FakeKubernetes): KubernetesSettings => ({
  namespace,
  image,
  kubeconfig,
  unschedulableSeconds: 1,
});

let fake: FakeKubernetes;

testComputeEngine('kubernetes', { memory: true, time: true, removesCancelled: true }, async () => {
  fake = await startFakeKubernetes();
  return {
    open: () => createKubernetesEngine(buildSettings(fake)),
    openAt(url) {
      const kubeconfig = join(folder, `${new URL(url).port}.json`);
      writeFileSync(kubeconfig, buildKubeconfig(url));
      return createKubernetesEngine({ ...buildSettings(fake), kubeconfig });
    },
    given(name) {
      const requests = fake.controllers.findPod(name)?.spec.containers[0]?.resources.requests ?? {};
      return Promise.resolve({
        cpus: parseQuantity(requests['cpu'] ?? 0),
        memoryBytes: parseQuantity(requests['memory'] ?? 0),
        gpus: parseQuantity(requests['nvidia.com/gpu'] ?? 0),
      });
    },
    async close() {
      expect(fake.violations).toEqual([]);
      await fake.close();
    },
  };
});

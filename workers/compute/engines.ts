/** The engines that the settings name or install, and their compute backends. */
import { createRemoteBackend } from '../../activities/training/compute/remote/backend';
import type { RemoteBackend } from '../../activities/training/compute/remote/backend';
import type { ComputeEngine } from '../../activities/training/compute/remote/engine';
import { createKubernetesEngine } from '../../activities/training/compute/kubernetes/engine';
import { createRayEngine } from '../../activities/training/compute/ray/engine';
import { createSlurmEngine } from '../../activities/training/compute/slurm/engine';
import type { JobTracking } from '../../activities/training/compute/tracking';
import type { ArtifactStore } from '../../data/artifact/store';
import type { EngineKind } from '../../domain/training/job';
import type { EngineConfig } from './engine-settings';
import { openInstalledEngines } from './installed-engines';

export interface RemoteJobSettings {
  readonly engines: EngineConfig;
  readonly trainersDir: string;
  readonly packageDir: string;
}

export type RemoteBackends = Readonly<Partial<Record<EngineKind, RemoteBackend>>>;

type OpenedEngine = ComputeEngine & { readonly kind: EngineKind };

export function openEngines({
  ray,
  slurm,
  kubernetes,
  installed,
}: EngineConfig): readonly OpenedEngine[] {
  const engines: OpenedEngine[] = [];
  if (ray)
    engines.push({
      ...createRayEngine({
        url: ray.url,
        ...(ray.tokenFile !== null && { token: { file: ray.tokenFile } }),
        ...(ray.isAutoscaling && { autoscaling: true as const }),
        ...(ray.preemptibleResource !== null && { preemptibleResource: ray.preemptibleResource }),
        ...(ray.stableResource !== null && { stableResource: ray.stableResource }),
      }),
      kind: 'ray',
    });
  if (slurm)
    engines.push({
      ...createSlurmEngine({
        url: slurm.url,
        user: slurm.user,
        token: { file: slurm.tokenFile },
        workingDirectory: slurm.folder,
        ...(slurm.partition !== null && { partition: slurm.partition }),
        ...(slurm.preemptiblePartition !== null && {
          preemptiblePartition: slurm.preemptiblePartition,
        }),
        ...(slurm.preemptibleQos !== null && { preemptibleQos: slurm.preemptibleQos }),
        ...(slurm.account !== null && { account: slurm.account }),
      }),
      kind: 'slurm',
    });
  if (kubernetes) engines.push({ ...createKubernetesEngine(kubernetes), kind: 'kubernetes' });
  return [...engines, ...openInstalledEngines(installed)];
}

export function openRemoteBackends(
  { engines, trainersDir, packageDir }: RemoteJobSettings,
  artifacts: Pick<ArtifactStore, 'putBytes' | 'jobs'>,
  tracking: JobTracking | null,
): RemoteBackends {
  const backends = openEngines(engines).map((engine) => [
    engine.kind,
    createRemoteBackend({
      engine,
      artifacts,
      trainersDir,
      packageDir,
      python: engines.python,
      // Jobs on other machines cannot reach an API that only listens on this one.
      tracking: tracking && isLoopback(tracking.host) ? null : tracking,
    }),
  ]);
  return Object.fromEntries(backends) as RemoteBackends;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

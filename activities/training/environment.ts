import type { ArtifactStore } from '../../data/artifact/store';
import { openTrainerCatalog } from '../../data/training/catalog';
import type { PythonEnvironments } from '../../data/training/python-environments';
import type { Tenant } from '../../domain/ids';
import type { TrainerJob } from '../../domain/training/job';

export interface TrainerEnvironmentDeps {
  readonly trainersDir: string;
  readonly environments: PythonEnvironments;
  readonly artifacts: Pick<ArtifactStore, 'putBytes'>;
}

/** Locks the packages of a trainer with own requirements; nothing for the others. */
export async function trainerEnvironment(
  { environments, artifacts, trainersDir }: TrainerEnvironmentDeps,
  { tenant, trainer }: { readonly tenant: Tenant; readonly trainer: string },
): Promise<Pick<TrainerJob, 'environment'>> {
  const requirements = openTrainerCatalog(trainersDir).requirements(trainer);
  if (requirements === null) return {};
  const bytes = Buffer.from(await environments.lock(requirements));
  const lock = await artifacts.putBytes({ tenant, bytes, mediaType: 'text/plain; charset=utf-8' });
  return { environment: { lock } };
}

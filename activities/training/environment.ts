import type { ArtifactStore } from '../../data/artifact/store';
import { openTrainerCatalog } from '../../data/training/catalog';
import type { PythonEnvironments, RequirementsFile } from '../../data/training/python-environments';
import type { Tenant } from '../../domain/ids';
import type { ImportedModel } from '../../domain/model/imported';
import { conversionRequirements } from '../../domain/model/imported';
import type { TrainerJob } from '../../domain/training/job';

export interface TrainerEnvironmentDeps {
  readonly trainersDir: string;
  readonly environments: PythonEnvironments;
  readonly artifacts: Pick<ArtifactStore, 'putBytes'>;
}

/** Locks the packages of a trainer with own requirements; nothing for the others. */
export async function trainerEnvironment(
  deps: TrainerEnvironmentDeps,
  { tenant, trainer }: { readonly tenant: Tenant; readonly trainer: string },
): Promise<Pick<TrainerJob, 'environment'>> {
  return lockedEnvironment(
    deps,
    tenant,
    openTrainerCatalog(deps.trainersDir).requirements(trainer),
  );
}

/** Locks the packages that read an imported model. */
export async function conversionEnvironment(
  deps: TrainerEnvironmentDeps,
  { tenant, imported }: { readonly tenant: Tenant; readonly imported: ImportedModel },
): Promise<Pick<TrainerJob, 'environment'>> {
  const text = conversionRequirements(imported);
  const file = `the packages of ${imported.fileName}`;
  return lockedEnvironment(deps, tenant, text === null ? null : { file, text, user: 'conversion' });
}

async function lockedEnvironment(
  { environments, artifacts }: TrainerEnvironmentDeps,
  tenant: Tenant,
  requirements: RequirementsFile | null,
): Promise<Pick<TrainerJob, 'environment'>> {
  if (requirements === null) return {};
  const bytes = Buffer.from(await environments.lock(requirements));
  const lock = await artifacts.putBytes({ tenant, bytes, mediaType: 'text/plain; charset=utf-8' });
  return { environment: { lock } };
}

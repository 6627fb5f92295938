import { isOfTenant } from '../../data/artifact/location';
import type { ArtifactStore } from '../../data/artifact/store';
import type { ArtifactRef } from '../../domain/dataset/artifact';
import type { DatasetManifest, DatasetVersionRef } from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { isArtifactRef } from '../artifact/referenced-artifacts';

export interface StepInputs {
  /** Files of the references, by the digest of the artifact or of the dataset's manifest. */
  readonly inputs: Readonly<Record<string, readonly ArtifactRef[]>>;
  readonly datasets: readonly DatasetVersionRef[];
}

/**
 * Finds the artifacts and dataset versions in a step's input.
 * @throws Forbidden for a reference to another tenant's object.
 */
export async function stepInputs(
  artifacts: Pick<ArtifactStore, 'getJson'>,
  { tenant, input }: { readonly tenant: Tenant; readonly input: unknown },
): Promise<StepInputs> {
  const inputs: Record<string, readonly ArtifactRef[]> = {};
  const datasets: DatasetVersionRef[] = [];
  const visit = async (value: unknown, pointer: string): Promise<void> => {
    if (isDatasetVersion(value)) {
      assertOwn(value.manifest, tenant, pointer);
      const { files } = await artifacts.getJson<DatasetManifest>(value.manifest);
      inputs[inputName(value.manifest)] = files;
      datasets.push(value);
    } else if (isArtifactRef(value)) {
      assertOwn(value, tenant, pointer);
      inputs[inputName(value)] = [value];
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value)) await visit(member, `${pointer}/${key}`);
    }
  };
  await visit(input, '');
  return { inputs, datasets };
}

/** The name is a folder in the job's directory. */
function inputName({ digest }: ArtifactRef): string {
  return digest.replace(':', '-');
}

function assertOwn(ref: ArtifactRef, tenant: Tenant, pointer: string): void {
  if (isOfTenant(ref, tenant)) return;
  throw failure(
    'Forbidden',
    `the step's input has at ${pointer || '/'} an artifact of another tenant`,
  );
}

function isDatasetVersion(value: unknown): value is DatasetVersionRef {
  if (typeof value !== 'object' || value === null) return false;
  const { dataset, version, manifest } = value as Record<string, unknown>;
  return typeof dataset === 'string' && typeof version === 'number' && isArtifactRef(manifest);
}

import { isOfTenant } from '../../data/artifact/location';
import type { ArtifactStore } from '../../data/artifact/store';
import type { ArtifactRef } from '../../domain/artifact';
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
    const found = await filesOfReference(artifacts, value, { tenant, what: 'step', pointer });
    if (found) {
      inputs[inputName(isDatasetVersion(value) ? value.manifest : (value as ArtifactRef))] = found;
      if (isDatasetVersion(value)) datasets.push(value);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value)) await visit(member, `${pointer}/${key}`);
    }
  };
  await visit(input, '');
  return { inputs, datasets };
}

interface ReferencePlace {
  readonly tenant: Tenant;
  /** What has the input: a step or a job. */
  readonly what: string;
  /** JSON pointer in the input. */
  readonly pointer: string;
}

/**
 * The files of a dataset version or an artifact; null for another value.
 * @throws Forbidden for a reference to another tenant's object.
 */
export async function filesOfReference(
  artifacts: Pick<ArtifactStore, 'getJson'>,
  value: unknown,
  place: ReferencePlace,
): Promise<readonly ArtifactRef[] | null> {
  if (isDatasetVersion(value)) {
    assertOwn(value.manifest, place);
    return (await artifacts.getJson<DatasetManifest>(value.manifest)).files;
  }
  if (!isArtifactRef(value)) return null;
  assertOwn(value, place);
  return [value];
}

/** The name is a folder in the job's directory. */
function inputName({ digest }: ArtifactRef): string {
  return digest.replace(':', '-');
}

function assertOwn(ref: ArtifactRef, { tenant, what, pointer }: ReferencePlace): void {
  if (isOfTenant(ref, tenant)) return;
  throw failure(
    'Forbidden',
    `the ${what}'s input has at ${pointer || '/'} an artifact of another tenant`,
  );
}

export function isDatasetVersion(value: unknown): value is DatasetVersionRef {
  if (typeof value !== 'object' || value === null) return false;
  const { dataset, version, manifest } = value as Record<string, unknown>;
  return typeof dataset === 'string' && typeof version === 'number' && isArtifactRef(manifest);
}

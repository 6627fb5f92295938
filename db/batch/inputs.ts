/** Finds what a batch prediction reads: the dataset version and the model version. */
import type { Tenant } from '../../domain/ids';
import { batchOutput, splitInputRef, type BatchRequest } from '../../domain/batch/batch';
import { keyColumns, readColumns } from '../../domain/batch/columns';
import { failure } from '../../domain/failure';
import type { LifecycleSpec } from '../../domain/lifecycle/revision';
import type { AliasName, ModelSignature } from '../../domain/model/model';
import type { DatasetAlias, DatasetVersionRecord } from '../dataset/records';
import type { ModelVersionRecord } from '../model/repository';
import type { Registry } from '../registry';

type Lookups = Pick<Registry, 'datasets' | 'models' | 'aliases'>;

export interface BatchQuestion {
  readonly tenant: Tenant;
  /** The lifecycle, whose name is the model's. */
  readonly lifecycle: string;
  readonly spec: LifecycleSpec;
  readonly request: BatchRequest;
}

export interface BatchInputs {
  readonly input: DatasetVersionRecord;
  readonly model: ModelVersionRecord;
  readonly signature: ModelSignature;
  /** The dataset that the run writes. */
  readonly output: string;
}

/**
 * The versions that the names mean now, after the checks that need no data.
 * @throws NotFound or InvalidInput with the next step
 */
export async function findBatchInputs(
  lookups: Lookups,
  question: BatchQuestion,
): Promise<BatchInputs> {
  const { lifecycle, spec, request } = question;
  const output = batchOutput(lifecycle, spec, request);
  const input = await findInput(lookups, question);
  const model = await findModel(lookups, question);
  const { signature } = model;
  const name = `${input.dataset}@${input.version}`;
  if (!('request' in signature))
    throw failure('InvalidInput', `${lifecycle}@${model.version} is a bundle and scores no rows`);
  readColumns(signature, { name, columns: input.columns });
  keyColumns(signature, request.keys, { name, columns: input.columns });
  return { input, model, signature, output };
}

async function findInput(
  { datasets }: Lookups,
  { tenant, request }: BatchQuestion,
): Promise<DatasetVersionRecord> {
  const { dataset, reference } = splitInputRef(request);
  const version = /^\d+$/.test(reference)
    ? Number(reference)
    : ((await datasets.alias({ tenant, dataset, alias: datasetAlias(reference) }))?.version ??
      null);
  const found = version === null ? null : await datasets.get({ tenant, dataset, version });
  if (found) return found;
  const [any] = (await datasets.versions({ tenant, dataset, pageSize: 1 })).items;
  throw failure(
    'NotFound',
    any ? `dataset ${dataset} has no version ${reference}` : `there is no dataset ${dataset}`,
    { next: any ? `perennial dataset show ${dataset}` : 'perennial dataset list' },
  );
}

function datasetAlias(reference: string): DatasetAlias {
  if (reference === 'latest' || reference === 'approved') return reference;
  throw failure('InvalidInput', `a dataset has no alias ${reference}`, {
    next: 'write @latest, @approved or the number of a version',
  });
}

async function findModel(lookups: Lookups, question: BatchQuestion): Promise<ModelVersionRecord> {
  const { tenant, lifecycle: model, request } = question;
  const version = await versionNumber(lookups, question);
  const found = await lookups.models.get({ tenant, model, version });
  if (!found)
    throw failure('NotFound', `there is no ${model}@${request.as}`, {
      next: `perennial model versions ${model}`,
    });
  if (found.status === 'withdrawn')
    throw failure('Conflict', `${model}@${version} is withdrawn, because its run was undone`, {
      next: `perennial model versions ${model}`,
    });
  return found;
}

const aliasNames: readonly string[] = ['champion', 'challenger', 'previous'] satisfies AliasName[];

async function versionNumber(
  { models, aliases }: Lookups,
  { tenant, lifecycle: model, request: { as } }: BatchQuestion,
): Promise<number> {
  if (/^\d+$/.test(as)) return Number(as);
  if (as === 'candidate') {
    const { items } = await models.versions({ tenant, model, pageSize: newestVersions });
    const candidate = items.find(({ status }) => status === 'candidate');
    if (candidate) return candidate.version;
  } else if (aliasNames.includes(as)) {
    const state = (await aliases.get({ tenant, model }))[as as AliasName];
    if (state) return state.version;
  }
  throw failure('NotFound', `${model} has no ${as}`, {
    next:
      `perennial model versions ${model}, then --as with a version` +
      (as === 'champion' ? `, or perennial run start ${model}` : ''),
  });
}

/** Versions that are searched for a candidate. */
const newestVersions = 100;

import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { AliasName, ModelVersionStatus } from '../../domain/model/model';
import { readAliasStates, type AliasState } from '../alias-register';
import type { Columns } from '../columns';
import type { Query, Transaction } from '../connection';
import type { modelVersions, models } from './schema';

export interface ModelName {
  readonly tenant: Tenant;
  readonly model: string;
}

export interface Register {
  /** The fencing token of the newest move of any alias. */
  readonly fencing: number;
  readonly aliases: Readonly<Record<AliasName, AliasState | null>>;
}

/** Locks the row of the model, which serialises all moves of its aliases. */
export async function lockModel(tx: Transaction, { tenant, model }: ModelName): Promise<Register> {
  const [row] = await tx<Columns<typeof models, 'fencing'>[]>`
    select fencing from models where tenant_id = ${tenant} and name = ${model} for update`;
  if (!row)
    throw failure('NotFound', `there is no model ${model}`, { next: 'perennial model list' });
  return { fencing: row.fencing, aliases: await readAliases(tx, { tenant, model }) };
}

export async function readAliases(
  sql: Query,
  { tenant, model }: ModelName,
): Promise<Register['aliases']> {
  const state = await readAliasStates(sql, { kind: 'model', tenant, name: model });
  return {
    champion: state('champion'),
    challenger: state('challenger'),
    previous: state('previous'),
  };
}

export interface VersionName extends ModelName {
  readonly version: number;
}

export async function readStatus(
  tx: Query,
  { tenant, model, version }: VersionName,
): Promise<ModelVersionStatus> {
  const [row] = await tx<Columns<typeof modelVersions, 'status'>[]>`
    select status from model_versions where tenant_id = ${tenant} and model = ${model} and version = ${version}`;
  if (!row) throw failure('NotFound', `there is no ${model}@${version}`);
  return row.status;
}

/** Waits for a concurrent rejection. A later one finds the champion. */
export async function lockStatus(
  tx: Transaction,
  { tenant, model, version }: VersionName,
): Promise<ModelVersionStatus> {
  await tx`
    select from model_versions where tenant_id = ${tenant} and model = ${model} and version = ${version} for no key update`;
  return readStatus(tx, { tenant, model, version });
}

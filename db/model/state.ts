import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { AliasName, ModelVersionStatus } from '../../domain/model/model';
import type { Columns } from '../columns';
import type { Query, Transaction } from '../connection';
import type { modelVersions, models } from './schema';
import type { modelAliases } from './alias-schema';

export interface AliasState {
  readonly version: number;
  /** Increases with every move of any alias of the model, also while there is no champion. */
  readonly fencing: number;
  readonly movedAt: string;
}

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
  const rows = await sql<
    Columns<typeof modelAliases, 'alias' | 'version' | 'fencing' | 'movedAt'>[]
  >`
    select alias, version, fencing, moved_at from model_aliases where tenant_id = ${tenant} and model = ${model}`;
  const state = (name: AliasName): AliasState | null => {
    const row = rows.find(({ alias }) => alias === name);
    return row ? { version: row.version, fencing: row.fencing, movedAt: row.movedAt } : null;
  };
  return {
    champion: state('champion'),
    challenger: state('challenger'),
    previous: state('previous'),
  };
}

export interface VersionName extends ModelName {
  readonly version: number;
}

export async function statusOf(
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
  return statusOf(tx, { tenant, model, version });
}

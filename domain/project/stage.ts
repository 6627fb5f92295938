/** A stage that a project defines in TypeScript, and what its function may use. */
import type { ArtifactRef } from '../artifact';
import type { DatasetVersionRef } from '../dataset/dataset';
import type { IdempotencyKey, RunId, Tenant } from '../ids';
import type { SecretRef } from '../access/secret-access';

/** A zod schema, or another schema with the same two methods' types. */
export interface StageSchema<Output = unknown, Input = unknown> {
  readonly _zod: { readonly output: Output; readonly input: Input };
  safeParse(value: unknown):
    | { readonly success: true; readonly data: Output }
    | {
        readonly success: false;
        readonly error: {
          readonly issues: readonly {
            readonly path: readonly PropertyKey[];
            readonly message: string;
          }[];
        };
      };
}

export interface StageLog {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Dataset versions by the name that a query uses. */
export type QueryTables = Readonly<Record<string, DatasetVersionRef>>;

export interface StageContext {
  readonly run: { readonly id: RunId; readonly tenant: Tenant; readonly lifecycle: string };
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Equal in all attempts. Pass it to services that accept one, so that they act once. */
  readonly idempotencyKey: IdempotencyKey;
  /** Aborted when the run is cancelled, the time limit ends or the worker stops. */
  readonly signal: AbortSignal;
  /** A private folder for files. It is removed when the attempt ends. */
  readonly folder: string;
  readonly log: StageLog;
  /** Records a number with the run. */
  metric(name: string, value: number): void;
  /** Shows the progress of the stage in the events of the run. */
  progress(done: number, total?: number): void;
  /** Reads a secret that the operator allows. The value is never recorded. */
  secret(ref: SecretRef): Promise<string>;
  readJson<Value>(artifact: ArtifactRef): Promise<Value>;
  /** Stores a value that is too large for an output, and returns its reference. */
  writeJson(value: unknown): Promise<ArtifactRef>;
  /** Writes an artifact to a path in `folder`. */
  readFile(artifact: ArtifactRef, path: string): Promise<void>;
  /** Stores a file of `folder`. */
  writeFile(path: string, mediaType: string): Promise<ArtifactRef>;
  /** The rows of a DuckDB query over dataset versions. */
  query<Row extends object>(sql: string, tables?: QueryTables): Promise<Row[]>;
  /**
   * Stores the rows of a DuckDB query as a version of the dataset `<lifecycle>.<name>`, with its
   * lineage. Equal rows give the same version.
   */
  writeTable(name: string, sql: string, tables?: QueryTables): Promise<DatasetVersionRef>;
}

export interface StageDefinition<
  Name extends string = string,
  Input extends StageSchema = StageSchema,
  Output extends StageSchema = StageSchema,
> {
  /** Names the stage in records, logs and `--from`. */
  readonly name: Name;
  readonly input: Input;
  readonly output: Output;
  /** Default true: equal code and input reuse the stored output. */
  readonly cache?: boolean;
  /** Default 3 attempts. Errors of the input and `StageError` are not retried. */
  readonly retry?: { readonly attempts: number };
  /** The time limit of one attempt, such as `90s`, `30m` or `6h`. Default `30m`. */
  readonly timeout?: string;
  run(
    context: StageContext,
    input: Input['_zod']['output'],
  ): Promise<Output['_zod']['input']> | Output['_zod']['input'];
  /**
   * Undoes the effects of `run` when the run fails or is cancelled. It is registered before `run`
   * starts, so `output` is null when `run` did not finish.
   */
  undo?(
    context: StageContext,
    done: {
      readonly input: Input['_zod']['output'];
      readonly output: Output['_zod']['output'] | null;
    },
  ): Promise<void> | void;
}

/** Declares a stage. The lifecycle calls it by its name. */
export function defineStage<
  const Name extends string,
  Input extends StageSchema,
  Output extends StageSchema,
>(stage: StageDefinition<Name, Input, Output>): StageDefinition<Name, Input, Output> {
  return stage;
}

/** The largest input and output of a stage, in bytes of JSON. Larger values go by reference. */
export const stageValueBytes = 64 * 1024;

export const stageDefaults = { attempts: 3, timeout: '30m', cache: true } as const;

/** Whether an export of a stages module is a stage. */
export function isStageDefinition(value: unknown): value is StageDefinition {
  if (typeof value !== 'object' || value === null) return false;
  const { name, input, output, run } = value as Partial<Record<keyof StageDefinition, unknown>>;
  return (
    typeof name === 'string' &&
    typeof run === 'function' &&
    typeof (input as Partial<StageSchema> | undefined)?.safeParse === 'function' &&
    typeof (output as Partial<StageSchema> | undefined)?.safeParse === 'function'
  );
}

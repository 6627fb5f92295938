/** What the function of a project's stage may use during one attempt. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { activityInfo } from '@temporalio/activity';
import { isInsideFolder } from '../../data/dataset/sources/file-access';
import type { ArtifactStore } from '../../data/artifact/store';
import type { Scratch } from '../../data/scratch';
import {
  logicalType,
  quoteName,
  quoteText,
  readParquet,
  withDuckDb,
  type PlatformSql,
} from '../../data/sql/platform-sql';
import type { Registry } from '../../db/registry';
import type { HeldClaim } from '../../db/run/guard';
import {
  datasetName,
  type Column,
  type DatasetManifest,
  type DatasetVersionRef,
} from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import type { SecretRef } from '../../domain/access/secret-access';
import type { RunEffectRef } from '../../domain/run/run';
import type {
  QueryTables,
  StageContext,
  StageDefinition,
  StageLog,
} from '../../domain/project/stage';
import { datasetNode, registerDatasetVersion } from '../dataset/register-version';
import type { HeartbeatContext } from '../run/heartbeat';
import { openRunProgress } from '../run/progress';

export interface ProjectStageDeps {
  readonly registry: Pick<
    Registry,
    'effects' | 'events' | 'stages' | 'datasets' | 'artifacts' | 'lineage'
  >;
  readonly artifacts: ArtifactStore;
  readonly scratchRoot: string;
  readonly readSecret: (ref: SecretRef) => Promise<string>;
  readonly log: StageLog;
  readonly stages: readonly StageDefinition[];
  /** Runs the code of a stage, and notices when it blocks the process. */
  readonly runCode: <T>(
    stage: Pick<StageDefinition, 'name'>,
    work: () => Promise<T> | T,
  ) => Promise<T>;
  /** The line of the project's sources that threw an error, such as `stages/index.ts:12`. */
  readonly findPlace: (error: unknown) => string | null;
}

export interface StageCallRef extends RunEffectRef {
  readonly lifecycle: string;
  readonly stage: string;
  /** The name of this call in the records: the stage's, or with a number for a later call. */
  readonly call: string;
  /** The position of an item of a map; absent for a call of the stage itself. */
  readonly item?: number;
}

export interface ProjectStageInput extends StageCallRef {
  readonly input: unknown;
}

interface StageAttempt extends HeartbeatContext {
  readonly input: StageCallRef;
  readonly scratch: Scratch;
  readonly claim: HeldClaim;
}

const parquet = 'application/vnd.apache.parquet';
const duckDbMemoryBytes = 2 * 2 ** 30;

export function openStageContext(
  deps: ProjectStageDeps,
  { input, scratch, claim, signal, report }: StageAttempt,
): StageContext {
  const { registry, artifacts } = deps;
  const { tenant, runId, key, lifecycle, call, item } = input;
  const about = { runId, stage: call, ...(item === undefined ? {} : { item }) };
  const { attempt } = activityInfo();
  const showProgress = openRunProgress(registry.events, {
    tenant,
    runId,
    stage: call,
    kind: 'stage.progress',
  });
  const pathIn = (path: string): string => resolveInside(scratch.folder, path, call);
  const tables = openTables(deps, scratch, signal);
  return {
    run: { id: runId, tenant, lifecycle },
    attempt,
    idempotencyKey: key,
    signal,
    folder: scratch.folder,
    log: bindLog(deps.log, { ...about, attempt }),
    metric(name, value) {
      registry.events
        .append({
          tenant,
          runId,
          kind: 'stage.metric',
          stage: call,
          data: { name, value, ...(item === undefined ? {} : { item }) },
        })
        .catch((error: unknown) =>
          deps.log.warn('a metric of a stage was not recorded', {
            ...about,
            name,
            reason: (error as Error).message,
          }),
        );
    },
    progress(done, total) {
      report({ done, total });
      // The map shows how many of its items have ended.
      if (item !== undefined) return;
      showProgress({ done, ...(total === undefined ? {} : { total }) });
    },
    secret: (ref) => deps.readSecret(ref),
    readJson: (artifact) => artifacts.getJson(artifact),
    writeJson: (value) => artifacts.putJson({ tenant, runId, value }),
    async readFile(artifact, path) {
      const to = pathIn(path);
      await mkdir(dirname(to), { recursive: true });
      await artifacts.toFile(artifact, to, { signal });
    },
    writeFile: (path, mediaType) =>
      artifacts.putFile({ tenant, runId, path: pathIn(path), mediaType, signal }),
    query: (sql, of = {}) => tables.run(of, (duckDb) => duckDb.rows(sql)),
    async writeTable(name, sql, of = {}) {
      if (!/^[a-z][a-z0-9_]{0,62}$/.test(name))
        throw failure(
          'InvalidInput',
          `stage ${call}: ${JSON.stringify(name)} is not a table name`,
          {
            next: 'use lower-case letters, digits and underscores, beginning with a letter',
          },
        );
      const path = scratch.path(`${name}.parquet`);
      const written = await tables.run(of, (duckDb) => writeParquet(duckDb, sql, path));
      const file = await artifacts.putFile({ tenant, runId, path, mediaType: parquet, signal });
      return registerDatasetVersion(
        deps,
        { tenant, runId, key: input.key, claim },
        {
          dataset: datasetName(lifecycle, name),
          ...written,
          files: [file],
          from: Object.values(of).map(datasetNode),
        },
      );
    },
  };
}

/** DuckDB with views over dataset versions, whose files are fetched once an attempt. */
function openTables(
  { artifacts }: Pick<ProjectStageDeps, 'artifacts'>,
  scratch: Scratch,
  signal: AbortSignal,
) {
  const fetched = new Map<string, Promise<readonly string[]>>();
  const listFiles = (version: DatasetVersionRef): Promise<readonly string[]> => {
    const { digest } = version.manifest;
    const known = fetched.get(digest);
    if (known) return known;
    const fetching = fetchFiles(artifacts, scratch, version, signal);
    fetched.set(digest, fetching);
    return fetching;
  };
  return {
    async run<T>(of: QueryTables, work: (sql: PlatformSql) => Promise<T>): Promise<T> {
      const views = await Promise.all(
        Object.entries(of).map(async ([name, version]) => ({
          name,
          files: await listFiles(version),
        })),
      );
      return withDuckDb(
        async (sql) => {
          for (const { name, files } of views)
            await sql.run(`CREATE VIEW ${quoteName(name)} AS FROM ${readParquet(files)}`);
          return work(sql);
        },
        {
          memoryBytes: duckDbMemoryBytes,
          threads: 1,
          spillDirectory: scratch.path('spill'),
          signal,
        },
      );
    },
  };
}

async function fetchFiles(
  artifacts: ProjectStageDeps['artifacts'],
  scratch: Scratch,
  { manifest }: DatasetVersionRef,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { files } = await artifacts.getJson<DatasetManifest>(manifest);
  const folder = scratch.path(`tables/${manifest.digest.slice(-16)}`);
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const [index, file] of files.entries()) {
    const path = join(folder, `${index}.parquet`);
    await artifacts.toFile(file, path, { signal });
    paths.push(path);
  }
  return paths;
}

async function writeParquet(
  sql: PlatformSql,
  query: string,
  path: string,
): Promise<{ readonly columns: readonly Column[]; readonly rows: number }> {
  await sql.run(`CREATE VIEW written AS ${query.trim().replace(/;\s*$/, '')}`);
  const described = await sql.rows<{ column_name: string; column_type: string }>(
    'DESCRIBE written',
  );
  const columns = described.map(({ column_name: name, column_type }): Column => {
    const type = logicalType(column_type);
    if (type === null)
      throw failure('InvalidInput', `column ${name} has the type ${column_type}`, {
        next: 'cast it to text, a number, a boolean or a timestamp',
      });
    return { name, type };
  });
  const { Count: rows } = await sql.one<{ Count: number }>(
    `COPY (FROM written) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd)`,
  );
  return { columns, rows };
}

function resolveInside(folder: string, path: string, call: string): string {
  const at = join(folder, path);
  if (!isInsideFolder(at, folder))
    throw failure('InvalidInput', `stage ${call}: ${path} is outside the folder of the stage`, {
      next: 'use a relative path without ..',
    });
  return at;
}

function bindLog(log: StageLog, about: Readonly<Record<string, unknown>>): StageLog {
  const write =
    (level: keyof StageLog) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      log[level](message, { ...fields, ...about });
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

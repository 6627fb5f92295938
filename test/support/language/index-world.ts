/**
 * Indexes on a real registry, a real S3 store and LanceDB, with the static embedder. Activities run
 * one at a time, as in a worker.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createIndexActivities, type IndexActivities } from '../../../activities/index/indexes';
import type { IndexDeps } from '../../../activities/index/version';
import type { S3Settings } from '../../../data/artifact/s3';
import { openArtifactStore } from '../../../data/artifact/store';
import { openChunkStore } from '../../../data/index/chunk-store';
import { documentsType } from '../../../data/index/shards';
import { openEmbedders } from '../../../data/index/embedders/open-embedder';
import { openIndexReader, type IndexReader } from '../../../data/index/query-index';
import type { Registry } from '../../../db/registry';
import type { ArtifactRef } from '../../../domain/artifact';
import type { DatasetManifest } from '../../../domain/dataset/dataset';
import { defaultTenant as tenant, type IdempotencyKey } from '../../../domain/ids';
import type { ChunkingPlan } from '../../../domain/index/chunking';
import type { IndexDocument } from '../../../domain/index/document';
import type { EmbedderSpec } from '../../../domain/index/embedder';
import { openTestRegistry, unique } from '../../db/registry-fixture';
import { testBucket } from '../platform';

type Row = object;

export interface IndexWorld {
  readonly deps: IndexDeps;
  readonly registry: Registry;
  readonly databaseUrl: string;
  readonly s3: S3Settings;
  readonly reader: IndexReader;
  /** Runs one activity. `given` replaces parts, such as a store that fails. */
  run<Name extends keyof IndexActivities>(
    name: Name,
    input: Parameters<IndexActivities[Name]>[0],
    given?: Partial<IndexDeps>,
  ): Promise<Awaited<ReturnType<IndexActivities[Name]>>>;
  /** A dataset version of these rows or these bytes. */
  dataset(
    name: string,
    rows: readonly Row[] | Buffer,
  ): Promise<{ readonly name: string; readonly version: number }>;
  documents(rows: readonly Row[]): Promise<ArtifactRef>;
  close(): Promise<void>;
}

export async function openIndexWorld(): Promise<IndexWorld> {
  const test = await openTestRegistry();
  const bucket = testBucket();
  const artifacts = openArtifactStore({ ...bucket, leases: test.registry.artifacts });
  await artifacts.ensureBucket();
  const folder = await mkdtemp(join(tmpdir(), 'perennial-index-'));
  const chunkStore = openChunkStore({ kind: 's3', s3: bucket });
  const embedders = openEmbedders();
  const deps: IndexDeps = {
    registry: test.registry,
    artifacts,
    chunkStore,
    embedders,
    scratchRoot: folder,
  };
  const reader = openIndexReader({
    find: (asked) => test.registry.indexes.served(asked),
    store: chunkStore,
    embedders,
  });
  const put = (bytes: Buffer) => artifacts.putBytes({ tenant, bytes, mediaType: documentsType });
  const lines = (rows: readonly Row[]) =>
    Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return {
    deps,
    registry: test.registry,
    databaseUrl: test.url,
    s3: bucket,
    reader,
    run(name, input, given = {}) {
      const environment = new MockActivityEnvironment(
        { activityId: unique(name) },
        { logger: new DefaultLogger('ERROR') },
      );
      const activity = createIndexActivities({ ...deps, ...given })[name] as (
        input: unknown,
      ) => Promise<never>;
      return environment.run(activity, input);
    },
    async dataset(name, rows) {
      const file = await put(Buffer.isBuffer(rows) ? rows : lines(rows));
      const count = Buffer.isBuffer(rows) ? 0 : rows.length;
      const columns = [{ name: 'id', type: 'string' }] as const;
      const manifest = await artifacts.putJson({
        tenant,
        value: { dataset: name, columns, rows: count, files: [file] } satisfies DatasetManifest,
      });
      const idempotencyKey = unique(name);
      const { version } = await test.registry.datasets.register({
        tenant,
        dataset: name,
        manifest,
        rows: count,
        columns,
        runId: null,
        idempotencyKey,
      });
      return { name, version };
    },
    documents: (rows) => put(lines(rows)),
    async close() {
      reader.close();
      chunkStore.close();
      artifacts.close();
      await embedders.close();
      await test.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const limits = { maxDocumentBytes: 1 << 20, shardDocuments: 3 };
export const wordllama: EmbedderSpec = { kind: 'wordllama' };
export const sentences: ChunkingPlan = { kind: 'sentences', size: 64, overlap: 0 };

/** All steps of the workflow that fill a version, in order. */
export async function fill(
  world: IndexWorld,
  index: string,
  dataset: { readonly name: string; readonly version: number },
  {
    chunking = sentences,
    embedder = wordllama,
    maxRejectedShare = 0.5,
    given = {},
    key = unique(`${index}/build`) as IdempotencyKey,
  }: {
    readonly key?: IdempotencyKey;
    readonly chunking?: ChunkingPlan;
    readonly embedder?: EmbedderSpec;
    readonly maxRejectedShare?: number;
    readonly given?: Partial<IndexDeps>;
  } = {},
) {
  const asked = { tenant, index, key, runId: null, actor: 'key:ada', dataset, embedder, chunking };
  const opened = await world.run('openIndexVersion', asked, given);
  const at = { tenant, index, version: opened.version };
  const planned = await world.run('planIndexBuild', { ...at, ...limits, maxRejectedShare }, given);
  const chunks: number[] = [];
  let [embedded, shortened] = [0, 0];
  for (let shard = 0; shard < planned.shards; shard += 1) {
    const input = {
      ...at,
      ...limits,
      key: `${key}/${shard}` as IdempotencyKey,
      plan: planned.plan,
      shard,
      base: opened.base,
    };
    const built = await world.run('buildIndexShard', input, given);
    chunks.push(built.chunks);
    embedded += built.embedded;
    shortened += built.shortened ?? 0;
  }
  return { at, key, planned, chunks, embedded, shortened, base: opened.base };
}

export async function complete(
  world: IndexWorld,
  filled: Awaited<ReturnType<typeof fill>>,
  given: Partial<IndexDeps> = {},
) {
  const { at, chunks, embedded, planned } = filled;
  const finished = await world.run(
    'finishIndexTable',
    { ...at, chunks, vectors: { kind: 'flat' } },
    given,
  );
  while ((await world.run('applyIndexChanges', { ...at, ...limits }, given)).more);
  const { documents, rejected } = planned;
  const report = {
    documents,
    rejected,
    chunks: chunks.reduce((sum, each) => sum + each, 0),
    embedded,
    vectors: finished.kind === 'complete' ? finished.vectors : 'flat',
    seconds: 1,
  } as const;
  const sealed = await world.run('sealIndexVersion', { ...at, report });
  return { finished, sealed };
}

export async function promote(
  world: IndexWorld,
  { at, key }: Pick<Awaited<ReturnType<typeof fill>>, 'at' | 'key'>,
) {
  const champion = await world.run('readIndexChampion', at);
  return world.run('promoteIndexVersion', {
    ...at,
    key: `${key}/promote` as IdempotencyKey,
    champion,
    actor: 'key:ada',
    cause: 'test',
  });
}

/** Texts on different subjects, so that a question about one finds it by words and by meaning. */
export const library: readonly IndexDocument[] = [
  ['whale', 'Whales are marine mammals. The blue whale is the largest animal that has ever lived.'],
  [
    'volcano',
    'A volcano is an opening in the crust of a planet. Lava, ash and gases escape from it.',
  ],
  [
    'violin',
    'The violin is a wooden string instrument. Stradivari built famous violins in Cremona.',
  ],
  ['bread', 'Bread is baked from flour and water. Yeast makes the dough rise before baking.'],
  ['glacier', 'A glacier is a body of dense ice that moves slowly downhill under its own weight.'],
  ['chess', 'Chess is a board game for two players. Each begins with sixteen pieces.'],
  ['penicillin', 'Penicillin was discovered by Alexander Fleming in 1928. It kills bacteria.'],
].map(([id = '', text = '']) => ({ id, text, title: id, source: `https://example.org/${id}` }));

/** A gateway whose indexes are in a folder, with PostgreSQL as in production, queried over HTTP. */
import pino from 'pino';
import { Pool } from 'undici';
import { gatewayDefaults } from '../../apps/gateway/config';
import { createGateway } from '../../apps/gateway/server';
import type { ChunkStore } from '../../data/index/chunk-store';
import type { Embedders } from '../../data/index/embedders/open-embedder';
import { openIndexReader } from '../../data/index/query-index';
import { defaultTenant as tenant } from '../../domain/ids';
import type { IndexRecipe } from '../../domain/index/version';
import type { ServingWorld } from '../../test/support/serving/serving-world';

export interface IndexGateway {
  /** Makes the finished table the champion of an index with this name. */
  serve(
    index: string,
    table: {
      readonly tableVersion: number;
      readonly chunks: number;
      readonly embedder: IndexRecipe['embedder'];
    },
  ): Promise<void>;
  /** Ids of the chunks. */
  ask(index: string, question: object): Promise<string[]>;
  close(): Promise<void>;
}

export async function openIndexGateway({
  world: { registry, artifacts, keys },
  store,
  embedders,
  folder,
}: {
  readonly world: ServingWorld;
  readonly store: ChunkStore;
  readonly embedders: Embedders;
  readonly folder: string;
}): Promise<IndexGateway> {
  // As workers/gateway.ts opens it.
  const memory = { freshMs: 2_000, graceMs: gatewayDefaults.keyGraceSeconds * 1000 };
  const indexes = openIndexReader({
    find: (asked) => registry.indexes.served(asked),
    store,
    embedders,
    memory,
  });
  const notAsked = () => Promise.reject(new Error('this bench uses no language model'));
  const gateway = await createGateway({
    registry,
    artifacts,
    access: {
      chat: notAsked,
      models: notAsked,
      rerank: notAsked,
      requireProvider: () => undefined,
    },
    indexes,
    config: { ...gatewayDefaults, port: 0, spoolDir: folder },
    log: pino({ level: 'silent' }),
  });
  const { url } = await gateway.start();
  const pool = new Pool(url, { connections: 1 });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${keys.viewer}` };
  return {
    async serve(index, { tableVersion, chunks, embedder }) {
      const dataset = `${index}.documents`;
      const columns = [{ name: 'id', type: 'string' }] as const;
      const manifest = await artifacts.putJson({
        tenant,
        value: { dataset, columns, rows: chunks, files: [] },
      });
      const named = { tenant, idempotencyKey: index };
      const { version: datasetVersion } = await registry.datasets.register({
        ...named,
        dataset,
        manifest,
        rows: chunks,
        columns,
        runId: null,
      });
      const recipe: IndexRecipe = {
        embedder,
        chunking: { kind: 'sentences', size: 40, overlap: 0 },
      };
      const { version } = await registry.indexes.open({
        ...named,
        index,
        recipe,
        dataset,
        datasetVersion,
        runId: null,
        actor: 'bench',
      });
      await registry.indexes.changes.applied({
        tenant,
        index,
        version,
        from: 0,
        to: 0,
        tableVersion,
        chunks,
        documents: chunks,
      });
      await registry.indexes.seal({
        tenant,
        index,
        version,
        report: {
          documents: chunks,
          chunks,
          embedded: chunks,
          rejected: {},
          vectors: 'flat',
          seconds: 0,
        },
      });
      await registry.indexes.promote({
        ...named,
        index,
        version,
        expectedChampion: { version: null },
        actor: 'bench',
        cause: 'bench',
      });
    },
    async ask(index, question) {
      const path = `/v1/indexes/${index}/query`;
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path,
        headers,
        body: JSON.stringify(question),
      });
      const answer = (await body.json()) as {
        readonly hits?: readonly { readonly chunkId: string }[];
        readonly detail?: string;
      };
      if (statusCode !== 200 || !answer.hits)
        throw new Error(`the gateway responded with ${statusCode}: ${answer.detail ?? ''}`);
      return answer.hits.map(({ chunkId }) => chunkId);
    },
    async close() {
      await pool.close();
      await gateway.stop();
      indexes.close();
    },
  };
}

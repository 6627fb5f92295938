/** Applies changed documents to an index version (workflows/index-version/changes.ts, build.ts). */
import { readDocumentFile } from '../../data/index/documents';
import type { ChunkTable } from '../../data/index/chunk-table';
import type { TableState } from '../../data/index/table-indexes';
import type { IndexChange, IndexVersionRecord, SealResult } from '../../db/index/records';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { Rejection } from '../../domain/index/document';
import type { IndexReport } from '../../domain/index/version';
import { withHeartbeat, type HeartbeatContext } from '../run/heartbeat';
import {
  openEmbedder,
  embedDocuments,
  inScratch,
  isDocument,
  nameVersion,
  findPayer,
  type IndexDeps,
  type IndexVersionInput,
} from './version';

/** Changes per attempt; the next attempt continues after them. */
const changesAtOnce = 20;

export interface AppliedChanges {
  /** Number of the last change that is applied to the version. */
  readonly applied: number;
  readonly more: boolean;
}

export interface CompactedIndex {
  readonly compacted: boolean;
  /** Number of rows outside of the vector index before compaction. */
  readonly unindexed: number;
}

export function createIndexChangeActivities(deps: IndexDeps) {
  const { registry, chunkStore, embedders } = deps;
  const { indexes } = registry;

  return {
    /**
     * Writes the next changes into the table, each in one commit, and records each afterwards. If a
     * worker is lost in between, the next attempt restores the recorded state and writes the change
     * again.
     */
    applyIndexChanges: (
      input: IndexVersionInput & { readonly maxDocumentBytes: number },
    ): Promise<AppliedChanges> =>
      withHeartbeat(async (beat) => {
        const record = await indexes.get(input);
        if (record?.state !== 'building' && record?.state !== 'ready')
          return { applied: record?.applied ?? 0, more: false };
        const pending = await indexes.changes.after({
          tenant: input.tenant,
          index: input.index,
          seq: record.applied,
          limit: changesAtOnce,
        });
        if (pending.length === 0) return { applied: record.applied, more: false };
        const table = await chunkStore.open(input);
        try {
          let applied = record.applied;
          let noted = record.tableVersion;
          for (const change of pending) {
            beat.report({ phase: 'changes', seq: change.seq });
            // Later commits belong to a change that was not recorded, or to a worker that wrote
            // late; they are dropped.
            if (noted !== null) await table.restoreTo(noted);
            const { tableVersion, chunks, documents } = await apply(change, {
              record,
              table,
              beat,
              input,
            });
            await indexes.changes.applied({
              ...nameVersion(input),
              from: applied,
              to: change.seq,
              tableVersion,
              chunks,
              documents,
            });
            applied = change.seq;
            noted = tableVersion;
          }
          return { applied, more: pending.length === changesAtOnce };
        } finally {
          table.close();
        }
      }),

    /**
     * Adds changed rows to the vector index. Queries use the recorded state meanwhile. The new
     * state has the same rows, is counted, and is then recorded. If the worker is lost before that,
     * the new state is never served. Idempotent.
     * @throws FencedOff when a change was recorded first.
     */
    compactIndexVersion: (
      input: IndexVersionInput & { readonly atLeast: number },
    ): Promise<CompactedIndex> =>
      withHeartbeat(async () => {
        const record = await indexes.get(input);
        if (record?.state !== 'ready' || record.tableVersion === null)
          return { compacted: false, unindexed: 0 };
        const { applied, tableVersion: noted } = record;
        const answering = await chunkStore.open(input, noted);
        const unindexed = await answering.unindexedRows().finally(() => answering.close());
        if (unindexed < input.atLeast) return { compacted: false, unindexed };
        const table = await chunkStore.open(input);
        try {
          const { tableVersion, chunks, documents } = await table.compact(noted);
          if (chunks !== record.chunks)
            throw failure(
              'IndexIncomplete',
              `${input.index}@${input.version} has ${chunks} chunks after compaction; ` +
                `expected ${record.chunks ?? 0}`,
            );
          await indexes.changes.applied({
            ...nameVersion(input),
            from: applied,
            to: applied,
            tableVersion,
            chunks,
            documents,
          });
          return { compacted: true, unindexed };
        } finally {
          table.close();
        }
      }),

    /** `ready` when all accepted changes are applied; otherwise they must be applied first. */
    sealIndexVersion: (
      input: IndexVersionInput & { readonly report: IndexReport },
    ): Promise<SealResult> => indexes.seal(input),

    /** The versions that are or may become champion; each gets the changes. */
    listIndexFollowers: async ({
      tenant,
      index,
    }: {
      readonly tenant: Tenant;
      readonly index: string;
    }): Promise<readonly number[]> =>
      (await indexes.ready({ tenant, index })).map(({ version }) => version),
  };

  async function apply(
    { seq, documents: file, deleted }: IndexChange,
    on: {
      readonly record: IndexVersionRecord;
      readonly table: ChunkTable;
      readonly beat: HeartbeatContext;
      readonly input: IndexVersionInput & { readonly maxDocumentBytes: number };
    },
  ): Promise<TableState> {
    const { record, table, beat, input } = on;
    if (table.space.embedder !== record.recipe.embedder.digest)
      throw failure(
        'IndexMismatch',
        `the table of ${record.index}@${record.version} was made by another embedder`,
      );
    const read =
      file === null
        ? []
        : await inScratch(deps, beat, input, (source) => readDocumentFile(file, source));
    const documents = read.filter(isDocument);
    const gone = read.flatMap((each) =>
      'rejected' in each && each.id !== null && isGone(each.rejected) ? [each.id] : [],
    );
    const touched = [...new Set([...documents.map(({ id }) => id), ...gone, ...deleted])];
    const known = await table.readVectors(documents.map(({ id }) => id));
    const embedder = await openEmbedder(record, embedders);
    // Not part of a run: changes arrive after the build has ended.
    const asked = {
      embedder: record.recipe.embedder.spec,
      work: `change/${input.index}@${input.version}/${seq}`,
    };
    const payer = await findPayer(deps, { ...nameVersion(input), runId: null }, asked);
    const { rows } = await embedDocuments(documents, {
      record,
      embedder,
      shard: -seq,
      known,
      payer,
      signal: beat.signal,
    });
    return table.replaceDocuments(touched, rows);
  }
}

/**
 * Whether a rejected document must disappear from search, as if deleted. One that is only too large
 * keeps its old text.
 */
function isGone(rejected: Rejection): boolean {
  return rejected !== 'duplicateId' && rejected !== 'tooLarge';
}

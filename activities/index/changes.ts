/**
 * How a version takes what changed in the documents (workflows/index-version/changes.ts and the end
 * of workflows/index-version/build.ts).
 */
import { readDocumentFile } from '../../data/index/documents';
import type { ChunkTable, TableState } from '../../data/index/chunk-table';
import type { IndexChange, IndexVersionRecord, Sealed } from '../../db/index/repository';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { Rejection } from '../../domain/index/document';
import type { IndexReport } from '../../domain/index/version';
import { whileBeating, type Beat } from '../run/heartbeating';
import {
  embedderOf,
  embedDocuments,
  inScratch,
  isDocument,
  nameOf,
  payerOf,
  type IndexDeps,
  type IndexVersionInput,
} from './version';

/** Changes of one attempt: the next one goes on after them. */
const changesAtOnce = 20;

export interface AppliedChanges {
  /** The number of the last change that the version has. */
  readonly applied: number;
  readonly more: boolean;
}

export interface CompactedIndex {
  readonly compacted: boolean;
  /** Rows that were found without an index before. */
  readonly unindexed: number;
}

export function createIndexChangeActivities(deps: IndexDeps) {
  const { registry, chunkStore, embedders } = deps;
  const { indexes } = registry;

  return {
    /**
     * Writes the next changes into the version's table, each in one commit, and notes each behind
     * it. A worker that dies between the two leaves a change that is in the table and not noted:
     * the next attempt begins at the noted state, and writes it again.
     */
    applyIndexChanges: (
      input: IndexVersionInput & { readonly maxDocumentBytes: number },
    ): Promise<AppliedChanges> =>
      whileBeating(async (beat) => {
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
            // Whatever stands behind the noted state is nobody's: a change that was not noted, or a
            // shard of a worker that was thought dead.
            if (noted !== null) await table.restoreTo(noted);
            const { tableVersion, chunks, documents } = await apply(change, {
              record,
              table,
              beat,
              input,
            });
            await indexes.changes.applied({
              ...nameOf(input),
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
     * What changed is found without an index until somebody does this. Questions are answered from
     * the noted state all the while; the new one holds the same rows, counted as it is, and is
     * noted behind them. A worker that dies before that leaves a state that nobody is answered
     * from, and the next change or attempt begins at the noted one. Twice: there is nothing left to
     * do. FencedOff when a change was faster.
     */
    compactIndexVersion: (
      input: IndexVersionInput & { readonly atLeast: number },
    ): Promise<CompactedIndex> =>
      whileBeating(async () => {
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
              `${input.index}@${input.version}: ${chunks} chunks after compacting ${record.chunks ?? 0}`,
            );
          await indexes.changes.applied({
            ...nameOf(input),
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

    /** `ready` when it has every change that was accepted so far; else those come first. */
    sealIndexVersion: (
      input: IndexVersionInput & { readonly report: IndexReport },
    ): Promise<Sealed> => indexes.seal(input),

    /** Every version that answers or may answer: each takes what changes. */
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
      readonly beat: Beat;
      readonly input: IndexVersionInput & { readonly maxDocumentBytes: number };
    },
  ): Promise<TableState> {
    const { record, table, beat, input } = on;
    if (table.space.embedder !== record.recipe.embedder.digest)
      throw failure(
        'IndexMismatch',
        `the table of ${record.index}@${record.version} was filled by another embedder`,
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
    const known = await table.vectorsOf(documents.map(({ id }) => id));
    const embedder = await embedderOf(record, embedders);
    // Of nobody's run: changes come when a build has long ended.
    const asked = {
      embedder: record.recipe.embedder.spec,
      work: `change/${input.index}@${input.version}/${seq}`,
    };
    const payer = await payerOf(deps, { ...nameOf(input), runId: null }, asked);
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
 * What is no text any more is found no more, as if it had been deleted. What is only too large is
 * said to nobody here: the old one stays rather than none.
 */
function isGone(rejected: Rejection): boolean {
  return rejected !== 'duplicateId' && rejected !== 'tooLarge';
}

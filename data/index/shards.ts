import type { ArtifactRef } from '../../domain/artifact';
import type { DatasetManifest } from '../../domain/dataset/dataset';
import type { RejectionCounts, Rejection } from '../../domain/index/document';
import type { ArtifactStore } from '../artifact/store';
import { documentLine } from './document-lines';
import { readDocuments, type DocumentSource } from './documents';

/**
 * A dataset version in shards that are embedded and written one by one. Each is an artifact, so
 * that a repeated attempt reads the same documents.
 */
export interface IndexPlan {
  readonly documents: number;
  readonly rejected: RejectionCounts;
  /** The first rejected documents, as examples. */
  readonly examples: readonly { readonly id: string | null; readonly reason: Rejection }[];
  readonly shards: readonly { readonly file: ArtifactRef; readonly documents: number }[];
}

/** The maximum bytes of a shard, unless one document is larger. */
const shardBytes = 4 << 20;
const longestList = 100;

/** The media type of shards and of changes of documents. */
export const documentsType = 'application/x-ndjson';

export async function planShards(
  manifest: DatasetManifest,
  source: DocumentSource & { readonly artifacts: Pick<ArtifactStore, 'toFile' | 'putBytes'> },
  {
    tenant,
    shardDocuments,
    onProgress,
  }: {
    readonly tenant: string;
    readonly shardDocuments: number;
    readonly onProgress: (documents: number) => void;
  },
): Promise<IndexPlan> {
  const shards: { file: ArtifactRef; documents: number }[] = [];
  const rejected: Partial<Record<Rejection, number>> = {};
  const examples: { id: string | null; reason: Rejection }[] = [];
  let lines: Buffer[] = [];
  let bytes = 0;
  let documents = 0;

  async function flush(): Promise<void> {
    if (lines.length === 0) return;
    const file = await source.artifacts.putBytes({
      tenant,
      bytes: Buffer.concat(lines),
      mediaType: documentsType,
    });
    shards.push({ file, documents: lines.length });
    documents += lines.length;
    [lines, bytes] = [[], 0];
    onProgress(documents);
  }

  await readDocuments(manifest, source, async (read) => {
    if ('rejected' in read) {
      rejected[read.rejected] = (rejected[read.rejected] ?? 0) + 1;
      if (examples.length < longestList) examples.push({ id: read.id, reason: read.rejected });
      return;
    }
    const line = documentLine(read);
    if (
      lines.length === shardDocuments ||
      (lines.length > 0 && bytes + line.byteLength > shardBytes)
    )
      await flush();
    lines.push(line);
    bytes += line.byteLength;
  });
  await flush();
  return { documents, rejected, examples, shards };
}

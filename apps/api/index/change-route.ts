import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { documentLine } from '../../../data/index/document-lines';
import { documentsType } from '../../../data/index/shards';
import { failure } from '../../../domain/failure';
import { maxChangeBytes, findRejection } from '../../../domain/index/document';
import type { RouteDeps } from '../route-deps';
import { waitBriefly } from '../brief-wait';
import { idempotent, readIdempotencyKey, problem } from '../fields';
import { indexChanged, indexName } from './view';

const id = z.string().min(1).max(1000).describe('a document id');
const document = z.strictObject({
  id,
  text: z.string().min(1),
  title: z.string().min(1).nullable().default(null),
  source: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('origin of the document, used in citations'),
});
/** Some thousand documents. Larger changes need a dataset version and a build. */
const largest = 16 << 20;
const maxDocuments = 5_000;
const wish = z
  .strictObject({
    documents: z.array(document).max(maxDocuments).default([]),
    deleted: z.array(id).max(maxDocuments).default([]),
  })
  .describe('complete documents to add or change, and ids of documents to delete');

/**
 * Live changes. Every serving version and every version being built applies them in the order in
 * which they were accepted.
 */
export function indexChangeRoutes({
  registry,
  artifacts,
  guards,
  indexes,
  log,
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      '/indexes/:index/changes',
      {
        ...guards.operator,
        bodyLimit: largest,
        schema: {
          tags: ['indexes'],
          summary:
            'Change documents; accepted changes are durable and become searchable once applied',
          params: z.object({ index: indexName }),
          headers: idempotent,
          body: wish,
          response: { 202: indexChanged, default: problem },
        },
      },
      async (
        {
          caller: { tenant, name: actor },
          params: { index },
          headers,
          body: { documents, deleted },
        },
        reply,
      ) => {
        check(documents, deleted);
        const { items } = await registry.indexes.versions({ tenant, index, pageSize: 1 });
        if (items.length === 0)
          throw failure('NotFound', `there is no index ${index}`, { next: 'perennial index list' });
        const bytes = Buffer.concat(documents.map(documentLine));
        const file =
          documents.length === 0
            ? null
            : await artifacts.putBytes({ tenant, bytes, mediaType: documentsType });
        // The change belongs to the index, not to a version, so a version that is built later gets
        // it too.
        if (file)
          await registry.artifacts.reference({ tenant, digest: file.digest, by: `index:${index}` });
        const idempotencyKey = readIdempotencyKey(headers);
        const { seq } = await registry.indexes.changes.append({
          tenant,
          index,
          documents: file,
          deleted,
          actor,
          idempotencyKey,
        });
        await waitBriefly(indexes.changed({ tenant, index }), (error) =>
          log.warn({ err: error, index, seq }, 'not applied yet; the sweeper will start it'),
        );
        return reply.code(202).send({ index, seq });
      },
    );
  };
}

function check(documents: readonly z.output<typeof document>[], deleted: readonly string[]): void {
  if (documents.length + deleted.length === 0)
    throw failure('InvalidInput', 'a change needs documents, or ids in `deleted`');
  const seen = new Set<string>();
  for (const each of documents) {
    const rejected = seen.has(each.id) ? 'duplicateId' : findRejection(each);
    if (rejected)
      throw failure(
        'InvalidInput',
        `document ${each.id} cannot be indexed: ${rejected}; no document was changed`,
      );
    const bytes = Buffer.byteLength(each.text);
    if (bytes > maxChangeBytes)
      throw failure(
        'InvalidInput',
        `document ${each.id} has ${bytes} bytes, more than the limit of ${maxChangeBytes} per change; no document was changed`,
        {
          next: 'split it into several documents, or build the index from a dataset that contains it',
        },
      );
    seen.add(each.id);
  }
}

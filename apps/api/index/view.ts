import { z } from 'zod';
import { document, instant, verdict } from '../fields';

export const indexName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/)
  .describe('name of an index');

const alias = z.object({ version: z.number(), fencing: z.number(), movedAt: instant }).nullable();

export const indexSummary = z
  .object({
    name: z.string(),
    versions: z.number(),
    champion: z.number().nullable().describe('version of the champion'),
    changes: z.number().describe('number of document changes accepted so far'),
    createdAt: instant,
  })
  .meta({ id: 'IndexSummary' });

export const indexVersion = z
  .object({
    index: z.string(),
    version: z.number(),
    digest: z.string().describe('digest of recipe and dataset version, used in release bundles'),
    recipe: document.describe('embedder and chunking'),
    dataset: z.string(),
    datasetVersion: z.number(),
    state: z.enum(['building', 'ready', 'failed', 'retired']),
    applied: z.number().describe('last change of documents that it includes'),
    chunks: z.number().nullable(),
    documents: z
      .number()
      .nullable()
      .describe(
        'documents now in its table, including changes; the report counts those of the build',
      ),
    report: document.describe('report of its build; null while it is being built'),
    runId: z.string().nullable(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'IndexVersion' });

export const indexView = z
  .object({
    name: z.string(),
    aliases: z.object({ champion: alias, previous: alias }),
    versions: z.array(indexVersion).readonly().describe('the newest 20 versions'),
    waiting: z
      .object({ versions: z.array(z.number()).readonly(), since: z.string(), reason: z.string() })
      .nullable()
      .describe('document changes that versions have not applied yet, since when and why'),
  })
  .meta({ id: 'Index' });

export const indexMove = z
  .object({
    id: z.string(),
    kind: z.enum(['promote', 'rollback']),
    from: z.number().nullable(),
    to: z.number(),
    fencing: z.number(),
    actor: z.string(),
    cause: z.string(),
    bundle: z
      .object({ model: z.string(), version: z.number() })
      .nullable()
      .describe(
        'application whose promotion or rollback caused the move; null for a move of the index alone',
      ),
    movedAt: instant,
  })
  .meta({ id: 'IndexMove' });

export const indexRolledBack = z
  .object({ index: z.string(), from: z.number().nullable(), to: z.number(), fencing: z.number() })
  .meta({ id: 'IndexRolledBack' });

export const indexRetired = z
  .object({
    index: z.string(),
    version: z.number(),
    from: z.enum(['building', 'ready', 'failed', 'retired']).describe('previous state'),
  })
  .meta({ id: 'IndexRetired' });

export const indexChanged = z
  .object({
    index: z.string(),
    seq: z
      .number()
      .describe(
        'position in the order of changes; a version includes it if `applied` is at least this',
      ),
  })
  .meta({ id: 'IndexChanged' });

export const indexBuildView = z
  .object({
    index: z.string(),
    build: z.string(),
    status: z.enum(['running', 'done', 'failed', 'cancelled']),
    progress: z
      .object({
        phase: z.enum([
          'planning',
          'embedding',
          'indexing',
          'catching up',
          'comparing',
          'answering',
          'done',
        ]),
        version: z.number().nullable(),
        shards: z.object({ done: z.number(), of: z.number() }),
      })
      .nullable()
      .describe('null if the build has ended, or no worker reports progress'),
    outcome: z
      .object({
        version: z.number(),
        report: document,
        verdict: verdict.nullable(),
        promoted: z.boolean().describe('whether it is the champion'),
      })
      .nullable(),
    cause: z.string().nullable().describe('cause of the failure'),
    temporalUrl: z.string().nullable(),
  })
  .meta({ id: 'IndexBuild' });

export type IndexJson = z.output<typeof indexView>;
export type IndexMoveJson = z.output<typeof indexMove>;
export type IndexSummaryJson = z.output<typeof indexSummary>;
export type IndexBuildJson = z.output<typeof indexBuildView>;

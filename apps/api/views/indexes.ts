import { z } from 'zod';
import { document, instant, verdict } from './fields';

export const indexName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/)
  .describe('the name of an index');

const alias = z.object({ version: z.number(), fencing: z.number(), movedAt: instant }).nullable();

export const indexSummary = z
  .object({
    name: z.string(),
    versions: z.number(),
    champion: z.number().nullable().describe('the version that answers'),
    changes: z.number().describe('of documents, accepted so far'),
    createdAt: instant,
  })
  .meta({ id: 'IndexSummary' });

export const indexVersion = z
  .object({
    index: z.string(),
    version: z.number(),
    digest: z.string().describe('of its recipe and dataset version: what a release bundle names'),
    recipe: document.describe('embedder and chunking'),
    dataset: z.string(),
    datasetVersion: z.number(),
    state: z.enum(['building', 'ready', 'failed', 'retired']),
    applied: z.number().describe('the last change of documents that it has'),
    chunks: z.number().nullable(),
    documents: z.number().nullable().describe('in its table now, changes included; the report counts those of the build'),
    report: document.describe('what its build did; null while it is built'),
    runId: z.string().nullable(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'IndexVersion' });

export const indexView = z
  .object({
    name: z.string(),
    aliases: z.object({ champion: alias, previous: alias }),
    versions: z.array(indexVersion).readonly().describe('the newest 20'),
    waiting: z
      .object({ versions: z.array(z.number()).readonly(), since: z.string(), reason: z.string() })
      .nullable()
      .describe('changes of documents that versions have not taken up, since when and why'),
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
      .describe('the application whose promotion or rollback it followed; null for a move of the index alone'),
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
    from: z.enum(['building', 'ready', 'failed', 'retired']).describe('the state that it was in before'),
  })
  .meta({ id: 'IndexRetired' });

export const indexChanged = z
  .object({
    index: z.string(),
    seq: z.number().describe('its place in the order of changes: a version has it when its `applied` is as high'),
  })
  .meta({ id: 'IndexChanged' });

export const indexBuildView = z
  .object({
    index: z.string(),
    build: z.string(),
    status: z.enum(['running', 'done', 'failed', 'cancelled']),
    progress: z
      .object({
        phase: z.enum(['planning', 'embedding', 'indexing', 'catching up', 'comparing', 'answering', 'done']),
        version: z.number().nullable(),
        shards: z.object({ done: z.number(), of: z.number() }),
      })
      .nullable()
      .describe('null when it has ended, or no worker says'),
    outcome: z
      .object({ version: z.number(), report: document, verdict: verdict.nullable(), promoted: z.boolean().describe('it answers now') })
      .nullable(),
    cause: z.string().nullable().describe('why it failed'),
    temporalUrl: z.string().nullable(),
  })
  .meta({ id: 'IndexBuild' });

export type IndexJson = z.output<typeof indexView>;
export type IndexMoveJson = z.output<typeof indexMove>;
export type IndexSummaryJson = z.output<typeof indexSummary>;
export type IndexBuildJson = z.output<typeof indexBuildView>;

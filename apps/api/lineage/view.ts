import { z } from 'zod';
import { pageSchema } from '../fields';

const node = z.object({
  kind: z.enum(['source', 'dataset', 'run', 'index', 'model', 'deployment']),
  name: z.string(),
  version: z.number().optional(),
  digest: z.string().optional(),
});

export const lineageEdge = z
  .object({ from: node, to: node, runId: z.string().nullable(), distance: z.number() })
  .meta({ id: 'LineageEdge' });

export const lineageView = pageSchema(lineageEdge).extend({ of: node }).meta({ id: 'Lineage' });

export type LineageEdgeJson = z.output<typeof lineageEdge>;

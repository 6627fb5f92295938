import { z } from 'zod';

const node = z.object({
  kind: z.enum(['source', 'dataset', 'run', 'index', 'model', 'deployment']),
  name: z.string(),
  version: z.number().optional(),
  digest: z.string().optional(),
});

export const lineageEdge = z
  .object({ from: node, to: node, runId: z.string().nullable(), distance: z.number() })
  .meta({ id: 'LineageEdge' });

export const lineageView = z.object({ of: node, edges: z.array(lineageEdge).readonly() }).meta({ id: 'Lineage' });

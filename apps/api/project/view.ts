import { z } from 'zod';
import { instant } from '../fields';

export const projectBuild = z
  .object({
    project: z.string(),
    digest: z.string().describe('digest of the compiled code; program.build of a lifecycle'),
    lifecycles: z.array(z.string()).readonly().describe('lifecycles whose functions it has'),
    createdBy: z.string(),
    createdAt: instant,
  })
  .meta({ id: 'ProjectBuild' });

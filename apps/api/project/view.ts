import { z } from 'zod';
import { artifact, instant } from '../fields';

export const projectBuild = z
  .object({
    project: z.string(),
    digest: z.string().describe('digest of the compiled code; program.build of a lifecycle'),
    lifecycles: z.array(z.string()).readonly().describe('lifecycles whose functions it has'),
    createdBy: z.string(),
    createdAt: instant,
  })
  .meta({ id: 'ProjectBuild' });

export const storedBuild = projectBuild
  .extend({
    files: z.record(z.string(), artifact).describe('stored files of Python steps, by path'),
    environment: artifact.nullable().describe('stored lock of Python packages; null without'),
  })
  .meta({ id: 'StoredProjectBuild' });

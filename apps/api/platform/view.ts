import { z } from 'zod';
import { apiKeyScopes } from '../../../db/access/repository';
import { instant } from '../fields';

const partView = z.object({
  name: z.enum(['database', 'artifact store', 'temporal', 'workers', 'gateway', 'language models']),
  ok: z.boolean(),
  detail: z.string(),
  next: z.string().nullable().describe('suggested fix if it is not ready'),
});

export const platformView = z
  .object({
    caller: z.object({
      tenant: z.string(),
      name: z.string(),
      scope: z.enum(apiKeyScopes),
      expiresAt: instant.nullable(),
    }),
    parts: z.array(partView).readonly(),
  })
  .meta({ id: 'Platform' });

export type PlatformPart = z.output<typeof partView>;

import { z } from 'zod';
import { document, instant } from './fields';

export const auditRow = z
  .object({
    id: z.string(),
    at: instant,
    actor: z.string(),
    keyId: z.string().nullable().describe('the API key that acted; null for the platform itself'),
    action: z.string(),
    subject: z.string(),
    cause: z.string(),
    before: document,
    after: document,
    sealedAs: z.number().nullable().describe('place in the sealed order; null until sealed'),
  })
  .meta({ id: 'AuditRow' });

export const auditReport = z
  .object({
    rows: z.number(),
    batches: z.number(),
    unsealed: z.number(),
    findings: z
      .array(
        z.object({
          kind: z.enum(['changed', 'missing', 'cutOff', 'rewritten', 'badSignature']),
          sealedAs: z.number().optional(),
          batch: z.number().optional(),
          detail: z.string(),
        }),
      )
      .readonly()
      .describe('empty: nothing was found'),
    comparedWithStore: z.boolean().describe('whether the heads were compared with their copies in the artifact store'),
  })
  .meta({ id: 'AuditReport' });

import { z } from 'zod';
import { apiKeyScopes } from '../../../db/access/repository';
import { instant } from '../fields';

export const keyView = z
  .object({
    id: z.string(),
    name: z.string(),
    scope: z.enum(apiKeyScopes),
    createdAt: instant,
    createdBy: z.string(),
    lastUsedAt: instant.nullable(),
    expiresAt: instant.nullable(),
    revokedAt: instant.nullable(),
  })
  .meta({ id: 'ApiKey' });

export const createdKey = z
  .object({
    id: z.string(),
    key: z.string().describe('returned only once'),
    expiresAt: instant.nullable().describe('null: never'),
  })
  .meta({ id: 'MadeApiKey' });
export const rotatedKey = z
  .object({
    id: z.string(),
    key: z.string().describe('returned only once'),
    oldValidUntil: instant,
  })
  .meta({ id: 'RotatedApiKey' });

export type KeyJson = z.output<typeof keyView>;

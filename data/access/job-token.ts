/** Tokens with which the jobs of a run log to the tracking API. */
import { z } from 'zod';
import type { RunId, Tenant } from '../../domain/ids';
import type { CommandKeys } from './command-signature';
import { checkToken, isToken, signToken } from './signed-token';

export interface JobToken {
  readonly tenant: Tenant;
  readonly runId: RunId;
  /** ISO 8601. */
  readonly expiresAt: string;
}

const kind = {
  prefix: 'jt_',
  purpose: 'perennial job token 1',
  content: z.strictObject({
    tenant: z.string(),
    runId: z.string().startsWith('run_'),
    expiresAt: z.iso.datetime(),
  }),
} as const;

export function isJobToken(text: string): boolean {
  return isToken(kind, text);
}

export function signJobToken(keys: CommandKeys, { tenant, runId, expiresAt }: JobToken): string {
  return signToken(keys, kind, { tenant, runId, expiresAt });
}

/** Null for a token that is malformed, expired or not signed by a known key. */
export function checkJobToken(keys: CommandKeys, token: string, now = Date.now()): JobToken | null {
  const found = checkToken(keys, kind, token, now);
  return found && { ...found, tenant: found.tenant as Tenant, runId: found.runId as RunId };
}

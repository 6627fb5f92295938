/**
 * The session of a browser. It has no secret of the API key, and every request looks the key up, so
 * that a session ends with its key.
 */
import { z } from 'zod';
import type { CommandKeys } from './command-signature';
import { checkToken, signToken } from './signed-token';

export interface Session {
  /** Id of the API key that the person signed in with. */
  readonly keyId: string;
  /** Random. Every change must send it in a header, which another site cannot know. */
  readonly csrf: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

const kind = {
  prefix: 'st_',
  purpose: 'perennial session token 1',
  content: z.strictObject({
    keyId: z.string().min(1),
    csrf: z.string().min(32),
    expiresAt: z.iso.datetime(),
  }),
} as const;

export function signSession(keys: CommandKeys, { keyId, csrf, expiresAt }: Session): string {
  return signToken(keys, kind, { keyId, csrf, expiresAt });
}

/** Null for a token that is malformed, expired or not signed by a known key. */
export function checkSession(keys: CommandKeys, token: string, now = Date.now()): Session | null {
  return checkToken(keys, kind, token, now);
}

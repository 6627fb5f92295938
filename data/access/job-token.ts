/**
 * Tokens with which the jobs of a run log to the tracking API: HMAC-SHA-256 (RFC 2104) over the
 * content, in base64url (RFC 4648). They are signed with the keys of commands and need no storage.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { RunId, Tenant } from '../../domain/ids';
import type { CommandKeys } from './command-signature';

export interface JobToken {
  readonly tenant: Tenant;
  readonly runId: RunId;
  /** ISO 8601. */
  readonly expiresAt: string;
}

const prefix = 'jt_';
/** Separates these signatures from those of commands with the same key. */
const purpose = 'perennial job token 1';

const contentSchema = z.strictObject({
  tenant: z.string(),
  runId: z.string().startsWith('run_'),
  expiresAt: z.iso.datetime(),
});

export function isJobToken(text: string): boolean {
  return text.startsWith(prefix);
}

export function signJobToken(keys: CommandKeys, { tenant, runId, expiresAt }: JobToken): string {
  const [{ id, secret }] = keys();
  const content = base64url(JSON.stringify({ tenant, runId, expiresAt }));
  return `${prefix}${base64url(id)}.${content}.${signatureOf(secret, content)}`;
}

/** Null for a token that is malformed, expired or not signed by a known key. */
export function checkJobToken(keys: CommandKeys, token: string, now = Date.now()): JobToken | null {
  const [id = '', content = '', signature = ''] = token.slice(prefix.length).split('.');
  const key = keys().find((each) => base64url(each.id) === id);
  if (!key || !isJobToken(token) || !isEqual(signatureOf(key.secret, content), signature))
    return null;
  const { success, data } = contentSchema.safeParse(parsed(content));
  if (!success || Date.parse(data.expiresAt) <= now) return null;
  return { ...data, tenant: data.tenant as Tenant, runId: data.runId as RunId };
}

function signatureOf(secret: string, content: string): string {
  return createHmac('sha256', secret).update(`${purpose}\n${content}`).digest('base64url');
}

function isEqual(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function parsed(content: string): unknown {
  return JSON.parse(Buffer.from(content, 'base64url').toString('utf8')) as unknown;
}

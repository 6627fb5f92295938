/**
 * Signed tokens that need no storage: HMAC-SHA-256 (RFC 2104) over the content, in base64url
 * (RFC 4648). They are signed with the keys of commands, and every kind has its own purpose.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { z } from 'zod';
import type { CommandKeys } from './command-signature';

export interface TokenKind<Content extends { readonly expiresAt: string }> {
  readonly prefix: string;
  /** Separates these signatures from all others with the same key. */
  readonly purpose: string;
  readonly content: z.ZodType<Content>;
}

export function isToken({ prefix }: Pick<TokenKind<never>, 'prefix'>, text: string): boolean {
  return text.startsWith(prefix);
}

export function signToken<Content extends { readonly expiresAt: string }>(
  keys: CommandKeys,
  kind: TokenKind<Content>,
  content: Content,
): string {
  const [{ id, secret }] = keys();
  const text = base64url(JSON.stringify(content));
  return `${kind.prefix}${base64url(id)}.${text}.${computeSignature(kind, secret, text)}`;
}

/** Null for a token that is malformed, expired or not signed by a known key. */
export function checkToken<Content extends { readonly expiresAt: string }>(
  keys: CommandKeys,
  kind: TokenKind<Content>,
  token: string,
  now = Date.now(),
): Content | null {
  const [id = '', content = '', signature = ''] = token.slice(kind.prefix.length).split('.');
  const key = keys().find((each) => base64url(each.id) === id);
  if (!key || !isToken(kind, token)) return null;
  if (!isEqual(computeSignature(kind, key.secret, content), signature)) return null;
  const { success, data } = kind.content.safeParse(parseContent(content));
  return success && Date.parse(data.expiresAt) > now ? data : null;
}

function computeSignature(
  { purpose }: Pick<TokenKind<never>, 'purpose'>,
  secret: string,
  content: string,
): string {
  return createHmac('sha256', secret).update(`${purpose}\n${content}`).digest('base64url');
}

function isEqual(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function parseContent(content: string): unknown {
  return JSON.parse(Buffer.from(content, 'base64url').toString('utf8')) as unknown;
}

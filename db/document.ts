import { createHash } from 'node:crypto';
import type { Digest } from '../domain/artifact';
import { canonicalJson } from '../domain/canonical';

/** The text for a `json` column; null and undefined become SQL NULL. */
export function toJson(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

export function sha256(content: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

export function computeDigest(value: unknown): Digest {
  return sha256(canonicalJson(value));
}

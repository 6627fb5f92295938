import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Digest } from '../domain/artifact';
import { canonicalJson } from '../domain/canonical';

export function sha256(content: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** Digest of a JSON value. The order of object keys does not change it. */
export function computeDigest(value: unknown): Digest {
  return sha256(canonicalJson(value));
}

/** Reads the file once, in constant memory. */
export async function digestOfFile(
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly digest: Digest; readonly bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, {
    highWaterMark: 1 << 20,
    ...(signal && { signal }),
  }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.byteLength;
  }
  return { digest: `sha256:${hash.digest('hex')}`, bytes };
}

export function isDigest(value: string): value is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(value);
}

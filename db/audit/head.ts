import { createPublicKey, verify } from 'node:crypto';
import type { Digest } from '../../domain/artifact';
import { canonicalJson } from '../../domain/canonical';
import { sha256 } from '../document';
import type { AuditHead, AuditSigner } from './records';

type UnsignedHead = Omit<AuditHead, 'digest' | 'signature'>;

function headDigest({
  tenant,
  batch,
  first,
  count,
  root,
  previous,
  sealedAt,
  keyId,
}: UnsignedHead): Digest {
  return sha256(canonicalJson({ tenant, batch, first, count, root, previous, sealedAt, keyId }));
}

export async function signHead(
  head: Omit<UnsignedHead, 'keyId'>,
  signer: AuditSigner,
): Promise<AuditHead> {
  const unsigned = { ...head, keyId: signer.keyId };
  const digest = headDigest(unsigned);
  const signature = Buffer.from(await signer.sign(Buffer.from(digest))).toString('base64');
  return { ...unsigned, digest, signature };
}

/**
 * Null when digest and signature are valid, else what is wrong. `publicKeys`: key id → SPKI DER,
 * base64.
 */
export function headProblem(
  head: AuditHead,
  publicKeys: Readonly<Record<string, string>>,
): string | null {
  if (headDigest(head) !== head.digest) return 'its digest does not match its content';
  const key = publicKeys[head.keyId];
  if (key === undefined) return `the key ${head.keyId} is not registered`;
  const publicKey = createPublicKey({
    key: Buffer.from(key, 'base64'),
    format: 'der',
    type: 'spki',
  });
  const valid = verify(
    null,
    Buffer.from(head.digest),
    publicKey,
    Buffer.from(head.signature, 'base64'),
  );
  return valid ? null : 'its signature is not valid';
}

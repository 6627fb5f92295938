import { rootFromPath } from '../../domain/audit/merkle';
import { hashLeaf, sha256Hash, toBytes, toDigest } from './content';
import { headProblem } from './head';
import { computeFingerprint } from './keys';
import type { AuditProof } from './records';

/**
 * Null when the proof shows that `content` was sealed under a head that a trusted key signed, else
 * what is wrong. Needs no database. `trusted`: fingerprints of keys.
 */
export function proofProblem(
  { content, index, path, head, publicKey }: AuditProof,
  trusted: readonly string[],
): string | null {
  const fingerprint = computeFingerprint(publicKey);
  if (!trusted.includes(fingerprint))
    return `the head of batch ${head.batch} names the key ${fingerprint}, which is not trusted`;
  const wrong = headProblem(head, { [head.keyId]: publicKey });
  if (wrong !== null) return `the head of batch ${head.batch}: ${wrong}`;
  const root = rootFromPath(sha256Hash, toBytes(hashLeaf(content)), {
    index,
    size: head.count,
    path: path.map(toBytes),
  });
  return root !== null && toDigest(root) === head.root
    ? null
    : 'the content and its path do not produce the signed root';
}

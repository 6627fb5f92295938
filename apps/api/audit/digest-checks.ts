/**
 * Checks that an explanation shows what the decision was based on. Each part is hashed again and
 * compared with the digest in the record.
 */
import type { ArtifactRef, Digest } from '../../../domain/artifact';
import { isPerennialError } from '../../../domain/failure';
import type { ArtifactStore } from '../../../data/artifact/store';
import { computeDigest } from '../../../data/digest';

export interface DigestCheck {
  /** `manifest`, or `policy of decision_…`. */
  readonly what: string;
  readonly digest: Digest;
  /** `gone`: the object does not exist. `unknown`: the store did not respond. */
  readonly outcome: 'matches' | 'differs' | 'gone' | 'unknown';
  /** The current digest or the reason why it is unknown; null if it matches. */
  readonly detail: string | null;
}

interface CheckedGrounds {
  readonly id: string;
  readonly policy: Digest;
  readonly policyBody: unknown;
  readonly evidence: Digest;
  readonly evidenceBody: unknown;
}

export async function checkDigests(
  artifacts: Pick<ArtifactStore, 'getBytes'>,
  {
    manifest,
    decisions,
  }: { readonly manifest: ArtifactRef; readonly decisions: readonly CheckedGrounds[] },
): Promise<readonly DigestCheck[]> {
  return [
    await checkManifest(artifacts, manifest),
    ...decisions.flatMap(({ id, policy, policyBody, evidence, evidenceBody }) => [
      checkBody(`policy of ${id}`, policy, policyBody),
      checkBody(`evidence of ${id}`, evidence, evidenceBody),
    ]),
  ];
}

async function checkManifest(
  artifacts: Pick<ArtifactStore, 'getBytes'>,
  manifest: ArtifactRef,
): Promise<DigestCheck> {
  const check = { what: 'manifest', digest: manifest.digest };
  try {
    await artifacts.getBytes(manifest);
    return { ...check, outcome: 'matches', detail: null };
  } catch (error) {
    if (!isPerennialError(error)) throw error;
    const outcome =
      error.type === 'DigestMismatch'
        ? 'differs'
        : error.type === 'ArtifactMissing'
          ? 'gone'
          : 'unknown';
    return { ...check, outcome, detail: error.message };
  }
}

function checkBody(what: string, digest: Digest, body: unknown): DigestCheck {
  if (body === null)
    return { what, digest, outcome: 'gone', detail: 'the registry has no such document' };
  const now = computeDigest(body);
  if (now === digest) return { what, digest, outcome: 'matches', detail: null };
  return { what, digest, outcome: 'differs', detail: `the registry now has the digest ${now}` };
}

import { z } from 'zod';
import { computeFingerprint } from '../../../db/audit/keys';
import type { AuditKey } from '../../../db/audit/records';
import { document, instant } from '../fields';

export const auditRow = z
  .object({
    id: z.string(),
    at: instant,
    actor: z.string(),
    keyId: z
      .string()
      .nullable()
      .describe('id of the API key that acted; null for the platform itself'),
    action: z.string(),
    subject: z.string(),
    cause: z.string(),
    before: document,
    after: document,
    sealedAs: z.number().nullable().describe('position in the sealed order; null until sealed'),
  })
  .meta({ id: 'AuditRow' });

const checkpoint = z.object({ batch: z.number(), digest: z.string() }).nullable();

const keyKind = z.enum(['first', 'added', 'rotated', 'lost']);

export const auditKey = z
  .object({
    keyId: z.string(),
    fingerprint: z.string().describe('SHA-256 of the public key'),
    publicKey: z.string().describe('Ed25519, SPKI DER, base64'),
    kind: keyKind.describe(
      'first: begins the log; added: for an additional machine; rotated, lost: replaces the previous key',
    ),
    previous: z
      .string()
      .nullable()
      .describe('fingerprint of the key that endorses it, or that was lost'),
    fromBatch: z.number().describe('first batch that it may sign'),
    addedAt: instant,
    addedBy: z.string(),
  })
  .meta({ id: 'AuditKey' });

export function keyToJson({
  keyId,
  publicKey,
  kind,
  previous,
  fromBatch,
  addedAt,
  addedBy,
}: AuditKey): z.output<typeof auditKey> {
  return {
    keyId,
    fingerprint: computeFingerprint(publicKey),
    publicKey,
    kind,
    previous,
    fromBatch,
    addedAt,
    addedBy,
  };
}

export const auditReport = z
  .object({
    rows: z.number(),
    batches: z.number(),
    unsealed: z.number(),
    unsealedSince: instant
      .nullable()
      .describe('creation time of the oldest row that is not sealed yet'),
    from: checkpoint.describe('checkpoint after which rows were verified; null: all rows were'),
    checkpoint: checkpoint.describe(
      'the latest batch head, to verify from next time if nothing was found',
    ),
    trustedBy: z
      .enum(['setting', 'ownKey', 'firstKey'])
      .describe(
        'basis of trust: PERENNIAL_AUDIT_TRUSTED_KEYS, the key of this machine, or only the first registered key',
      ),
    keys: z
      .array(
        z.object({
          keyId: z.string(),
          fingerprint: z.string(),
          kind: keyKind,
          previous: z.string().nullable(),
          fromBatch: z.number(),
          untilBatch: z.number().nullable().describe('first batch that it may no longer sign'),
          addedAt: instant,
          addedBy: z.string(),
          trusted: z.boolean(),
        }),
      )
      .readonly(),
    copies: z
      .array(
        z.object({
          place: z.string(),
          heads: z.number(),
          waiting: z.number().describe('heads that are not copied yet'),
        }),
      )
      .readonly()
      .describe('copies that the heads were compared with'),
    findings: z
      .array(
        z.object({
          kind: z.enum([
            'changed',
            'missing',
            'cutOff',
            'rewritten',
            'badSignature',
            'missingCopy',
            'untrustedKey',
            'changedKey',
          ]),
          sealedAs: z.number().optional(),
          batch: z.number().optional(),
          lastBatch: z.number().optional(),
          keyId: z.string().optional(),
          place: z.string().optional(),
          detail: z.string(),
        }),
      )
      .readonly()
      .describe('empty: nothing was found'),
    furtherFindings: z.number().describe('number of findings that are not listed'),
  })
  .meta({ id: 'AuditReport' });

const sha256Digest = z.templateLiteral(['sha256:', z.string().regex(/[0-9a-f]{64}/)]);

export const auditProof = z
  .object({
    content: z.string().describe('canonical JSON of the row, which is the leaf of the Merkle tree'),
    index: z.number().describe('index of the row within its batch, from 0'),
    path: z
      .array(sha256Digest)
      .readonly()
      .describe('sibling hashes from the leaf upwards (RFC 6962 audit path)'),
    head: z.object({
      tenant: z.string(),
      batch: z.number(),
      first: z.number().describe('position of the first row of the batch'),
      count: z.number(),
      root: sha256Digest,
      previous: sha256Digest.nullable().describe('digest of the head before; null for the first'),
      sealedAt: z.string(),
      digest: sha256Digest.describe(
        'of the canonical JSON of all fields but itself and the signature',
      ),
      keyId: z.string(),
      signature: z.string().describe('Ed25519 signature of the digest, base64'),
    }),
    publicKey: z.string().describe('the key that signed the head: Ed25519, SPKI DER, base64'),
  })
  .meta({ id: 'AuditProof' });

export type AuditRowJson = z.output<typeof auditRow>;
export type AuditReportJson = z.output<typeof auditReport>;
export type AuditKeyJson = z.output<typeof auditKey>;

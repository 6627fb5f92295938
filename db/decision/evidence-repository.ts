import type { Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import { failure } from '../../domain/failure';
import { canonicalJson } from '../../domain/canonical';
import type { Columns } from '../columns';
import type { Database } from '../connection';
import { sha256 } from '../document';
import type { evidence } from './evidence-schema';

export type EvidenceKind = 'evidence' | 'policy';

/** Policies and evidence by digest (SHA-256 of canonical JSON). */
export interface EvidenceRepository {
  /** Does nothing if it is stored already. InvalidInput when the digest does not match the body. */
  put(input: {
    readonly tenant: Tenant;
    readonly kind: EvidenceKind;
    readonly digest: Digest;
    readonly body: unknown;
  }): Promise<void>;
  get(input: {
    readonly tenant: Tenant;
    readonly kind: EvidenceKind;
    readonly digest: Digest;
  }): Promise<unknown>;
}

export function createEvidenceRepository({ sql }: Database): EvidenceRepository {
  const table = (kind: EvidenceKind) => sql(kind === 'policy' ? 'policies' : 'evidence');
  return {
    async put({ tenant, kind, digest, body }) {
      // Store exactly the text that was hashed.
      const text = canonicalJson(body);
      const actual = sha256(text);
      if (actual !== digest)
        throw failure('InvalidInput', `the ${kind} named ${digest} has the digest ${actual}`);
      await sql`insert into ${table(kind)} (tenant_id, digest, body) values (${tenant}, ${digest}, ${text}) on conflict do nothing`;
    },

    async get({ tenant, kind, digest }) {
      const [row] = await sql<Columns<typeof evidence, 'body'>[]>`
        select body from ${table(kind)} where tenant_id = ${tenant} and digest = ${digest}`;
      return row?.body ?? null;
    },
  };
}

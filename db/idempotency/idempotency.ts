import type { Tenant } from '../../domain/ids';
import { failure } from '../../domain/failure';
import type { Columns } from '../columns';
import type { Transaction } from '../connection';
import { computeDigest, toJson } from '../document';
import type { idempotency } from './schema';

export interface KeyedRequest {
  readonly tenant: Tenant;
  readonly operation: string;
  readonly key: string;
  /** Everything that identifies the request, as JSON. */
  readonly request: unknown;
}

/**
 * Runs the effect on the first call with this key and returns its answer to all later calls. A
 * concurrent call waits for the first commit. IdempotencyConflict when the key was used for a
 * different request. An answer that `remember` rejects is not stored.
 */
export async function runIdempotently<T>(
  tx: Transaction,
  keyed: KeyedRequest,
  effect: () => Promise<T>,
  remember: (answer: T) => boolean = () => true,
): Promise<T> {
  const { tenant, operation, key } = keyed;
  const requestDigest = computeDigest(keyed.request);
  const [claimed] = await tx`
    insert into idempotency (tenant_id, operation, key, request_digest) values (${tenant}, ${operation}, ${key}, ${requestDigest})
    on conflict do nothing returning true as claimed`;
  if (!claimed) return firstAnswer<T>(tx, keyed, requestDigest);
  const answer = await effect();
  if (remember(answer)) {
    await tx`
      update idempotency set answer = ${toJson(answer)}
      where tenant_id = ${tenant} and operation = ${operation} and key = ${key}`;
  } else {
    await tx`delete from idempotency where tenant_id = ${tenant} and operation = ${operation} and key = ${key}`;
  }
  return answer;
}

async function firstAnswer<T>(
  tx: Transaction,
  { tenant, operation, key }: KeyedRequest,
  requestDigest: string,
): Promise<T> {
  const [first] = await tx<Columns<typeof idempotency, 'requestDigest' | 'answer'>[]>`
    select request_digest, answer from idempotency where tenant_id = ${tenant} and operation = ${operation} and key = ${key}`;
  if (!first)
    throw failure('DatabaseUnavailable', `the answer stored for key ${key} was just deleted`);
  if (first.requestDigest !== requestDigest) {
    throw failure(
      'IdempotencyConflict',
      `the idempotency key ${key} was already used for a different request`,
      {
        next: 'use a new key for a new request',
      },
    );
  }
  return first.answer as T;
}

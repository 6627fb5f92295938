import type { FastifyReply } from 'fastify';
import type { ApiKeyIdentity } from '../../db/repositories/api-keys';
import { expiresSoon } from '../../domain/api-key';

/** Adds the header `x-perennial-key-expires` to answers for a key that expires within two weeks. */
export function warnOfExpiry(reply: FastifyReply, { expiresAt }: ApiKeyIdentity): void {
  if (expiresAt !== null && expiresSoon(expiresAt, Date.now())) void reply.header('x-perennial-key-expires', expiresAt);
}

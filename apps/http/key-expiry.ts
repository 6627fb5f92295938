import type { FastifyReply } from 'fastify';
import type { ApiKeyIdentity } from '../../db/access/repository';
import { expiresSoon } from '../../domain/access/api-key';

/** Adds the header `x-perennial-key-expires` to answers for a key that expires within two weeks. */
export function warnOfExpiry(reply: FastifyReply, { expiresAt }: ApiKeyIdentity): void {
  if (expiresAt !== null && expiresSoon(expiresAt, Date.now()))
    void reply.header('x-perennial-key-expires', expiresAt);
}

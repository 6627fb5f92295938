import type { FastifyReply } from 'fastify';
import type { ApiKeyIdentity } from '../../db/repositories/api-keys';
import { expiresSoon } from '../../domain/api-key';

/** Whoever uses a key that ends within two weeks is told with every answer. */
export function warnOfExpiry(reply: FastifyReply, { expiresAt }: ApiKeyIdentity): void {
  if (expiresAt !== null && expiresSoon(expiresAt, Date.now())) void reply.header('x-perennial-key-expires', expiresAt);
}

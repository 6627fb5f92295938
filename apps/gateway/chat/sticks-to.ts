import { createHash } from 'node:crypto';
import type { ChatBody } from './chat-request.schema';

/**
 * What an arm of a rollout is drawn for: whom the caller names (`safety_identifier`, else `user`),
 * else the first words of the conversation's user, which all of its later requests carry as well.
 * Two conversations that begin alike are one then. Never logged: the words may be such as a policy
 * keeps back.
 */
export function sticksTo({
  entity,
  history,
  input,
}: Pick<ChatBody, 'entity' | 'history' | 'input'>): string {
  if (entity !== null) return entity;
  const first = history.find(({ role }) => role === 'user')?.content ?? input;
  // No caller's own name looks like that.
  return `\u0000${createHash('sha256').update(first).digest('hex')}`;
}

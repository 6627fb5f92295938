import { createHash } from 'node:crypto';
import type { ChatBody } from './chat-request.schema';

/**
 * The key by which a conversation is assigned to an arm: `safety_identifier`, else `user`, else the
 * first user message, which all later requests of the conversation contain. Conversations with the
 * same beginning share an arm. The key is never logged, because a policy may block such text.
 */
export function assignmentKey({
  entity,
  history,
  input,
}: Pick<ChatBody, 'entity' | 'history' | 'input'>): string {
  if (entity !== null) return entity;
  const first = history.find(({ role }) => role === 'user')?.content ?? input;
  // A prefix that no caller's own name has.
  return `\u0000${createHash('sha256').update(first).digest('hex')}`;
}

import { bundleOf } from '../model/served-version';
import type { VersionAnswer } from './answer';
import type { ChatReply } from './chat';

/**
 * Whether another version's answer may be logged beside the one that was given. Its own policy has
 * looked at it; where the version that answered has a different one, that has its say as well: what
 * it keeps back of a conversation is not in the log (I11). What may not be known is not compared.
 */
export async function mayStandBeside(
  { served, blocked }: Pick<ChatReply, 'served' | 'blocked'>,
  { answer: { text }, safety }: VersionAnswer,
): Promise<boolean> {
  const { policy, bundle, screen } = bundleOf(served);
  if (policy === null || bundle.safety?.digest === safety?.policy) return true;
  // What the caller wrote comes back in other words, which no detector knows.
  if (blocked === 'input') return false;
  const looks = await Promise.all((['input', 'output'] as const).map((side) => screen(side, text)));
  return looks.every((look) => look.text === text);
}

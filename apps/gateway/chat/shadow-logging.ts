import { requireBundle } from '../model/served-version';
import type { VersionAnswer } from './answer';
import type { ChatReply } from './chat-call';

/**
 * Whether the answer of another version may be logged beside the one that was sent. Its own policy
 * has screened it. If the version that answered has a different policy, that one must permit it,
 * too: what it blocks is not logged (I11) and not compared.
 */
export async function mayLogShadowAnswer(
  { served, blocked }: Pick<ChatReply, 'served' | 'blocked'>,
  { answer: { text }, safety }: VersionAnswer,
): Promise<boolean> {
  const { policy, bundle, screen } = requireBundle(served);
  if (policy === null || bundle.safety?.digest === safety?.policy) return true;
  // An answer may repeat the question in other words, which no detector recognizes.
  if (blocked === 'input') return false;
  const looks = await Promise.all((['input', 'output'] as const).map((side) => screen(side, text)));
  return looks.every((look) => look.text === text);
}

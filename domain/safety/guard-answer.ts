import type { GuardAnswers } from './policy';

/**
 * Whether the pattern matches, ignoring case, in bounded time. Throws if this cannot be decided.
 */
export type PatternMatcher = (pattern: string, text: string) => boolean;

/**
 * The categories by which a guard model's answer calls a text unsafe; empty for a safe text. Null
 * if the answer has no valid verdict.
 */
export function readGuardAnswer(
  answers: GuardAnswers,
  text: string,
  finds: PatternMatcher,
): readonly string[] | null {
  return answers === 'llamaGuard' ? readLlamaGuard(text) : readByPatterns(answers, text, finds);
}

/** The category of a verdict without one. */
export const unsafeCategory = 'unsafe';

/**
 * Llama Guard's answer (H. Inan et al., 2023; its third version's model card): `safe`, or `unsafe`
 * and `S1,S10` on the next line.
 */
function readLlamaGuard(text: string): readonly string[] | null {
  const [, verdict, between = '\n', codes = ''] =
    /^(safe|unsafe)(?:(\s+)(S\d+(?:\s*,\s*S\d+)*))?$/i.exec(text.trim()) ?? [];
  if (verdict === undefined || !between.includes('\n')) return null;
  if (verdict.toLowerCase() === 'safe') return codes === '' ? [] : null;
  return codes === ''
    ? [unsafeCategory]
    : codes.split(',').map((code) => code.trim().toUpperCase());
}

/** Exactly one of the two patterns must match, otherwise there is no verdict. */
function readByPatterns(
  { unsafe: bad, safe }: Exclude<GuardAnswers, 'llamaGuard'>,
  text: string,
  finds: PatternMatcher,
): readonly string[] | null {
  const isUnsafe = finds(bad, text);
  if (isUnsafe === finds(safe, text)) return null;
  return isUnsafe ? [unsafeCategory] : [];
}

import type { GuardAnswers } from './policy';

/**
 * Whether a pattern is found in the text, whatever its case, in bounded time; what keeps it from
 * being told is thrown.
 */
export type FindsPattern = (pattern: string, text: string) => boolean;

/**
 * What a guard model has said of a text: the categories that it is unsafe by, none for a safe one;
 * null for an answer in other words, which says nothing.
 */
export function readGuardAnswer(
  answers: GuardAnswers,
  text: string,
  finds: FindsPattern,
): readonly string[] | null {
  return answers === 'llamaGuard' ? readLlamaGuard(text) : readByPatterns(answers, text, finds);
}

/** What stands for a verdict without a category. */
export const unsafe = 'unsafe';

/**
 * Llama Guard's answer (H. Inan et al., 2023; its third version's model card): `safe`, or `unsafe`
 * and `S1,S10` on the next line.
 */
function readLlamaGuard(text: string): readonly string[] | null {
  const [, verdict, codes = ''] =
    /^\s*(safe|unsafe)\s*(?:\n\s*(S\d+(?:\s*,\s*S\d+)*)\s*)?$/i.exec(text) ?? [];
  if (verdict === undefined) return null;
  if (verdict.toLowerCase() === 'safe') return codes === '' ? [] : null;
  return codes === '' ? [unsafe] : codes.split(',').map((code) => code.trim().toUpperCase());
}

/** Both or neither is no verdict. */
function readByPatterns(
  { unsafe: bad, safe }: Exclude<GuardAnswers, 'llamaGuard'>,
  text: string,
  finds: FindsPattern,
): readonly string[] | null {
  const isUnsafe = finds(bad, text);
  if (isUnsafe === finds(safe, text)) return null;
  return isUnsafe ? [unsafe] : [];
}

import { z } from 'zod';

/** Without the checks of new documents, so that documents accepted before stay readable. */
export const storedPattern = z.string().min(1).max(1_000).describe('a regular expression');

export const patternField = storedPattern
  .refine(isPattern, 'is not a valid regular expression')
  .describe('a regular expression');

/** Patterns run in Unicode mode. */
function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}

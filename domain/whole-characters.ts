/**
 * Of a text with half of a surrogate pair no digest can be made (canonical.ts), and so no artifact
 * and no question to a model. JSON can escape such a half, and cutting leaves one.
 */

/** The text, with a replacement character for each half. */
export function wholeCharacters(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** At most so many UTF-16 units of the text, without a half at its end. */
export function beginning(text: string, most: number): string {
  return text.slice(0, most).replace(/\p{Surrogate}$/u, '');
}

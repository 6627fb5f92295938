/**
 * The text that an answer was to hold as a member of JSON. Null for prose, for another shape, for
 * nothing but white space, and for a text with half of a surrogate pair, which JSON can escape: it
 * can be asked of nobody, since no digest can be made of it (canonical.ts).
 */
export function promisedText(answer: string, member: string): string | null {
  try {
    const said: unknown = JSON.parse(answer);
    if (typeof said !== 'object' || said === null || !Object.hasOwn(said, member)) return null;
    const text: unknown = (said as Readonly<Record<string, unknown>>)[member];
    return typeof text !== 'string' || text.trim() === '' || /\p{Surrogate}/u.test(text)
      ? null
      : text;
  } catch {
    return null;
  }
}

/**
 * The text of a member of a JSON answer. Null for prose, other JSON, white space, and a text with
 * half of a surrogate pair, which has no digest (canonical.ts) and so cannot be sent to a model.
 */
export function jsonMemberText(answer: string, member: string): string | null {
  try {
    const read: unknown = JSON.parse(answer);
    if (typeof read !== 'object' || read === null || !Object.hasOwn(read, member)) return null;
    const text: unknown = (read as Readonly<Record<string, unknown>>)[member];
    return typeof text !== 'string' || text.trim() === '' || /\p{Surrogate}/u.test(text)
      ? null
      : text;
  } catch {
    return null;
  }
}

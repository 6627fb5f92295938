/** Of a text, at most so many UTF-16 units. Without half of a surrogate pair at its end: of such a text no digest can be made (canonical.ts). */
export function beginning(text: string, most: number): string {
  return text.slice(0, most).replace(/\p{Surrogate}$/u, '');
}

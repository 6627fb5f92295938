/** What callers, models and documents wrote must not steer the terminal, nor break a line or a table. */
export function harmless(text: string): string {
  return text.replace(/\p{C}/gu, '\ufffd');
}

/** The same where a text may have lines. */
export function harmlessLines(text: string): string {
  return text.replace(/[^\P{C}\n]/gu, '\ufffd');
}

/**
 * Text that callers, models, documents and jobs wrote must not control the terminal: escape
 * sequences, C1 codes and bidirectional overrides can hide or forge what a person reads.
 * `openTerminal` passes everything that it prints through `harmlessLines`; a text in a table cell
 * or within a line needs `harmless`. Zero-width joiners stay, because Indic and Persian words and
 * many emoji need them.
 */
export function harmless(text: string): string {
  return text.replace(/(?![\u200c\u200d])[\p{C}\u2028\u2029]/gu, replacement);
}

/**
 * The same for text with lines and tabs. A carriage return before a line feed is a Windows line
 * end.
 */
export function harmlessLines(text: string): string {
  return text
    .replace(/\r\n/g, '\n')
    .replace(/(?![\u200c\u200d\n\t])[\p{C}\u2028\u2029]/gu, replacement);
}

/**
 * Valid JSON without control characters for a terminal, because strings escape all of them.
 */
export function jsonText(value: unknown): string {
  return jsonEscaped(JSON.stringify(value));
}

/**
 * The same for JSON text, such as JSON lines, where only strings can contain such characters.
 */
export function jsonEscaped(json: string): string {
  return json.replace(/(?![\u200c\u200d\n])[\p{C}\u2028\u2029]/gu, escapeCharacter);
}

const replacement = '\ufffd';

/** A character outside the basic multilingual plane needs two escapes. */
function escapeCharacter(character: string): string {
  return Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');
}

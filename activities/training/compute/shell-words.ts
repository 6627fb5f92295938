/** Quotes arguments for a POSIX shell, so that none of their characters has a meaning. */
export function shellWords(command: readonly string[]): string {
  return command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}

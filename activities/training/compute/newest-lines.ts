/** The end of a log, of which engines return the last lines. */

/** The shortest average line for which the newest bytes are complete. */
const bytesPerLine = 16;

/** How many lines to request for the newest `maxBytes`. */
export function linesFor(maxBytes: number): number {
  return Math.max(100, Math.ceil(maxBytes / bytesPerLine));
}

/** The last bytes of a text at most, from the start of a line. */
export function newestLines(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const end = bytes.subarray(bytes.length - maxBytes).toString();
  return end.slice(end.indexOf('\n') + 1);
}

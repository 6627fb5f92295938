/** About 180 tokens, well below the limit of a sentence embedder. */
const windowCharacters = 800;
const stride = 600;

/**
 * Splits a text into overlapping windows, so that one sentence counts in a long document as much as
 * alone. Empty for a blank text.
 */
export function splitWindows(text: string): readonly string[] {
  const said = text.trim();
  if (said === '') return [];
  const windows: string[] = [];
  for (let from = 0; ; from += stride) {
    windows.push(said.slice(from, from + windowCharacters));
    if (from + windowCharacters >= said.length) return windows;
  }
}

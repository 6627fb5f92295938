/**
 * Characters that are judged at once: some 180 tokens, well within what a sentence embedder reads.
 */
const windowCharacters = 800;
const stride = 600;

/**
 * A long text in overlapping parts, so that a sentence in a long document weighs as much as alone.
 * The whole when it is short; nothing when it says nothing.
 */
export function windowsOf(text: string): readonly string[] {
  const said = text.trim();
  if (said === '') return [];
  const windows: string[] = [];
  for (let from = 0; ; from += stride) {
    windows.push(said.slice(from, from + windowCharacters));
    if (from + windowCharacters >= said.length) return windows;
  }
}

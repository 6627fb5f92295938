import { sha256 } from '../../digest';
import type { Embedder } from '../../index/embedders/embedder';
import { readWindows, type ReadWindow } from '../classify';
import { keptNumbers } from './kept';
import type { LabelledText } from './labelled-texts';

/** A text as the detectors read it. */
export interface ReadText extends LabelledText {
  /** Of all its forms; of a very long one the first. Each has its vector. */
  readonly windows: readonly ReadWindow[];
  /** How many of them, from the start, are of the text as it stands: learned from. */
  readonly plain: number;
  /** Of windows and embedder. */
  readonly digest: string;
}

/**
 * Of a text, some 3,800 characters: embedding all of the longest would take longer than all the
 * rest.
 */
const mostWindows = 6;
const learnedFrom = 3;

/**
 * Embeds every window once for all trainings; vectors are kept on disk under the digest of texts
 * and embedder, since they take minutes.
 */
export async function readTexts(
  texts: readonly LabelledText[],
  embedder: Embedder,
): Promise<readonly ReadText[]> {
  const read: (LabelledText & { readonly windows: readonly ReadWindow[] })[] = [];
  for (const text of texts) {
    const windows = await readWindows(text.text).catch(() => []);
    read.push({ ...text, windows: windows.slice(0, mostWindows) });
  }
  const vectors = await vectorsOf(
    [...new Set(read.flatMap(({ windows }) => windows.map(({ text }) => text)))],
    embedder,
  );
  return read.map((text) => ({
    ...text,
    windows: text.windows.map((window) => ({
      ...window,
      vector: vectors.get(window.text) ?? null,
    })),
    plain: Math.min(learnedFrom, text.windows.length),
    digest: sha256(
      JSON.stringify([embedder.identity.digest, text.windows.map((window) => window.text)]),
    ),
  }));
}

export async function vectorsOf(
  windows: readonly string[],
  embedder: Embedder,
): Promise<ReadonlyMap<string, Float32Array>> {
  const { digest, dimensions } = embedder.identity;
  const kept = keptNumbers('safety-vectors', { digest, windows });
  const known = kept.read();
  const all = known ?? new Float32Array(dimensions * windows.length);
  if (known === null) {
    (await embedder.embed(windows)).forEach((vector, at) => all.set(vector, at * dimensions));
    kept.write(all);
  }
  return new Map(
    windows.map((window, at) => [window, all.subarray(at * dimensions, (at + 1) * dimensions)]),
  );
}

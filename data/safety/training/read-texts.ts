import { sha256 } from '../../digest';
import type { Embedder } from '../../index/embedders/embedder';
import { readWindows, type ReadWindow } from '../classify';
import { cachedNumbers } from './number-cache';
import type { LabelledText } from './labelled-texts';

/** A text as the detectors read it. */
export interface ReadText extends LabelledText {
  /** The first windows of all its plain forms, each with its vector. */
  readonly windows: readonly ReadWindow[];
  /** The number of leading windows of the unchanged text, which are used for training. */
  readonly plain: number;
  /** The digest of windows and embedder. */
  readonly digest: string;
}

/** The windows per text, about 3,800 characters, to limit the time for the longest texts. */
const maxWindows = 6;
const learnedFrom = 3;

/** Embed every window. Takes minutes, so the vectors are cached on disk by texts and embedder. */
export async function readTexts(
  texts: readonly LabelledText[],
  embedder: Embedder,
): Promise<readonly ReadText[]> {
  const read: (LabelledText & { readonly windows: readonly ReadWindow[] })[] = [];
  for (const text of texts) {
    const windows = await readWindows(text.text).catch(() => []);
    read.push({ ...text, windows: windows.slice(0, maxWindows) });
  }
  const vectors = await embedWindows(
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

export async function embedWindows(
  windows: readonly string[],
  embedder: Embedder,
): Promise<ReadonlyMap<string, Float32Array>> {
  const { digest, dimensions } = embedder.identity;
  const kept = cachedNumbers('safety-vectors', { digest, windows });
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

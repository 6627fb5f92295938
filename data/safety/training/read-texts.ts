import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../digest';
import type { Embedder } from '../../indexes/embedders/embedder';
import { llmFolder } from '../../llm/runtime-module';
import { readWindows, type ReadWindow } from '../classify';
import type { LabelledText } from './labelled-texts';

/** A text as the detectors read it. */
export interface ReadText extends LabelledText {
  /** Of all its forms; of a very long one the first. Each has its vector. */
  readonly windows: readonly ReadWindow[];
  /** How many of them, from the start, are of the text as it stands: learned from. */
  readonly plain: number;
}

/** Of a text, some 3,800 characters: embedding all of the longest would take longer than all the rest. */
const mostWindows = 6;
const learnedFrom = 3;

/** Embeds every window once for all trainings; vectors are kept on disk under the digest of texts and embedder, since they take minutes. */
export async function readTexts(texts: readonly LabelledText[], embedder: Embedder): Promise<readonly ReadText[]> {
  const read: (LabelledText & { readonly windows: readonly ReadWindow[] })[] = [];
  for (const text of texts) {
    const windows = await readWindows(text.text).catch(() => []);
    read.push({ ...text, windows: windows.slice(0, mostWindows) });
  }
  const vectors = await vectorsOf([...new Set(read.flatMap(({ windows }) => windows.map(({ text }) => text)))], embedder);
  return read.map((text) => ({
    ...text,
    windows: text.windows.map((window) => ({ ...window, vector: vectors.get(window.text) ?? null })),
    plain: Math.min(learnedFrom, text.windows.length),
  }));
}

async function vectorsOf(windows: readonly string[], embedder: Embedder): Promise<ReadonlyMap<string, Float32Array>> {
  const { digest, dimensions } = embedder.identity;
  const folder = join(llmFolder, 'cache');
  const path = join(folder, `safety-vectors-${sha256(Buffer.from(JSON.stringify({ digest, windows }))).slice('sha256:'.length, 27)}.bin`);
  const known = await readFile(path).catch(() => null);
  const all =
    known && known.byteLength === 4 * dimensions * windows.length
      ? new Float32Array(known.buffer.slice(known.byteOffset, known.byteOffset + known.byteLength))
      : await embedded();
  return new Map(windows.map((window, at) => [window, all.subarray(at * dimensions, (at + 1) * dimensions)]));

  async function embedded(): Promise<Float32Array> {
    const vectors = await embedder.embed(windows);
    const joined = new Float32Array(windows.length * dimensions);
    vectors.forEach((vector, at) => joined.set(vector, at * dimensions));
    await mkdir(folder, { recursive: true });
    await writeFile(`${path}.unfinished`, joined);
    await rename(`${path}.unfinished`, path);
    return joined;
  }
}

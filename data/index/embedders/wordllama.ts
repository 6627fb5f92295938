import { readFile } from 'node:fs/promises';
import { failure } from '../../../domain/failure';
import { createBytePair } from '../../../domain/index/byte-pair';
import { computeDigest, sha256 } from '../../digest';
import { llmModelPath } from '../../language/runtime-module';
import { openEventLoopYield } from '../../event-loop-yield';
import { normalize, type Embedder } from './embedder';

/** More tokens hardly change the mean. */
const maxTokens = 1024;

/**
 * WordLlama (D. Michaels, 2024; MIT): the mean of static token vectors, distilled from a language
 * model. It runs no neural network, so one core embeds thousands of texts per second.
 */
export async function openWordLlama(folder = llmModelPath('wordllama-256')): Promise<Embedder> {
  const [weights, tokenizer] = await Promise.all([
    readFile(`${folder}/weights.safetensors`),
    readFile(`${folder}/tokenizer.json`),
  ]);
  const { model } = JSON.parse(tokenizer.toString('utf8')) as {
    readonly model: {
      readonly vocab: Readonly<Record<string, number>>;
      readonly merges: readonly string[];
    };
  };
  const bytePair = createBytePair({ vocabulary: model.vocab, merges: model.merges });
  const { rows, dimensions, values } = readMatrix(weights);
  const digest = computeDigest({
    weights: sha256(weights),
    tokenizer: sha256(tokenizer),
    pooling: 'mean',
    normalized: true,
    maxTokens,
  });

  function embedOne(text: string): Float32Array {
    const vector = new Float32Array(dimensions);
    for (const id of bytePair.encode(text).slice(0, maxTokens)) {
      const at = Math.min(id, rows - 1) * dimensions;
      for (let index = 0; index < dimensions; index += 1)
        vector[index] = (vector[index] ?? 0) + (values[at + index] ?? 0);
    }
    return normalize(vector);
  }

  return {
    identity: { name: `wordllama-${dimensions}`, digest, dimensions },
    maxTokens,
    measureTokens: bytePair.measureTokens,
    async embed(texts, { signal } = {}) {
      const turn = openEventLoopYield(signal);
      const vectors: Float32Array[] = [];
      for (const text of texts) {
        await turn();
        vectors.push(embedOne(text));
      }
      return vectors;
    },
    close: () => Promise.resolve(),
  };
}

/**
 * Read the only tensor of a safetensors file: the length of the header, the header as JSON, and the
 * numbers in half precision.
 */
function readMatrix(file: Buffer): {
  readonly rows: number;
  readonly dimensions: number;
  readonly values: Float32Array;
} {
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString('utf8')) as Readonly<
    Record<
      string,
      {
        readonly dtype: string;
        readonly shape: readonly number[];
        readonly data_offsets: readonly number[];
      }
    >
  >;
  const tensor = header['embedding.weight'];
  const [rows, dimensions] = tensor?.shape ?? [];
  if (tensor?.dtype !== 'F16' || rows === undefined || dimensions === undefined)
    throw failure(
      'ModelUnloadable',
      'the file of static vectors has no matrix in half precision (F16)',
      { next: 'npm run provision:llm' },
    );
  const from = 8 + headerBytes + (tensor.data_offsets[0] ?? 0);
  const values = new Float32Array(rows * dimensions);
  for (let index = 0; index < values.length; index += 1)
    values[index] = halfToFloat(file.readUInt16LE(from + 2 * index));
  return { rows, dimensions, values };
}

/** IEEE 754 binary16. */
function halfToFloat(half: number): number {
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

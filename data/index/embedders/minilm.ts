import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { failure } from '../../../domain/failure';
import { createWordPiece } from '../../../domain/index/wordpiece';
import { computeDigest, sha256 } from '../../digest';
import { llmModelPath } from '../../language/runtime-module';
import { openEventLoopYield } from '../../event-loop-yield';
import { normalize, type Embedder } from './embedder';

const dimensions = 384;
/**
 * The limit of sentence-transformers, without [CLS] and [SEP]; the model has 512 positions. Earlier
 * versions embedded two tokens less of longer texts under the same digest. Such vectors are nearly
 * the same and are reused.
 */
const maxTokens = 256;
/** [CLS] and [SEP]. */
const framing = 2;
/**
 * The tokens in one call, including padding. A call blocks the event loop for about 150 ms on one
 * core. Calls of 2,048 tokens block four times as long and take a third more time in all (64
 * summaries: 2.9 s instead of 2.2 s of one core).
 */
const tokensAtOnce = 512;

/**
 * all-MiniLM-L6-v2 (N. Reimers and I. Gurevych, 2019; Apache-2.0) with int8 weights: the mean over
 * the tokens, scaled to length one. It uses one thread; parallelism comes from activities. Other
 * texts in the same call change a vector by int8 rounding at most.
 */
export async function openMiniLm(folder = llmModelPath('minilm-l6-v2')): Promise<Embedder> {
  const [model, tokenizer] = await Promise.all([
    readFile(`${folder}/model.onnx`),
    readFile(`${folder}/tokenizer.json`),
  ]);
  const wordPiece = createWordPiece(readVocabulary(tokenizer.toString('utf8')));
  const session = await load(model);
  const digest = computeDigest({
    model: sha256(model),
    tokenizer: sha256(tokenizer),
    pooling: 'mean',
    normalized: true,
    maxTokens,
  });

  async function embedBatch(
    batch: readonly (readonly number[])[],
  ): Promise<readonly Float32Array[]> {
    const length = Math.max(...batch.map((ids) => ids.length));
    const shape = [batch.length, length];
    const size = batch.length * length;
    const [ids, mask, types] = [
      new BigInt64Array(size),
      new BigInt64Array(size),
      new BigInt64Array(size),
    ];
    batch.forEach((tokens, row) =>
      tokens.forEach((id, place) => {
        ids[row * length + place] = BigInt(id);
        mask[row * length + place] = 1n;
      }),
    );
    const tensor = (data: BigInt64Array) => new Tensor('int64', data, shape);
    const { last_hidden_state: output } = await session.run({
      input_ids: tensor(ids),
      attention_mask: tensor(mask),
      token_type_ids: tensor(types),
    });
    if (output?.dims.at(-1) !== dimensions)
      throw failure(
        'ModelUnloadable',
        `the ONNX graph of the embedder does not return ${dimensions} dimensions`,
      );
    const states = output.data as Float32Array;
    return batch.map((tokens, row) => computeMean(states, row * length, tokens.length));
  }

  return {
    identity: { name: 'all-MiniLM-L6-v2-int8', digest, dimensions },
    maxTokens,
    measureTokens: wordPiece.measureTokens,
    async embed(texts, { signal } = {}) {
      const turn = openEventLoopYield(signal);
      const encoded: { readonly index: number; readonly ids: readonly number[] }[] = [];
      for (const [index, text] of texts.entries()) {
        await turn();
        encoded.push({ index, ids: wordPiece.encode(text, maxTokens + framing) });
      }
      // Batches of texts of similar length need the least padding, which costs as much as words.
      encoded.sort((a, b) => a.ids.length - b.ids.length);
      const vectors: Float32Array[] = [];
      for (const batch of batches(encoded)) {
        signal?.throwIfAborted();
        const embedded = await embedBatch(batch.map(({ ids }) => ids));
        batch.forEach(
          ({ index }, row) => (vectors[index] = embedded[row] ?? new Float32Array(dimensions)),
        );
      }
      return vectors;
    },
    close: () => session.release(),
  };
}

function computeMean(states: Float32Array, from: number, tokens: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (let token = 0; token < tokens; token += 1) {
    const at = (from + token) * dimensions;
    for (let index = 0; index < dimensions; index += 1)
      vector[index] = (vector[index] ?? 0) + (states[at + index] ?? 0);
  }
  return normalize(vector);
}

function* batches<T extends { readonly ids: readonly number[] }>(
  byLength: readonly T[],
): Iterable<readonly T[]> {
  let batch: T[] = [];
  for (const each of byLength) {
    if (batch.length > 0 && (batch.length + 1) * each.ids.length > tokensAtOnce) {
      yield batch;
      batch = [];
    }
    batch.push(each);
  }
  if (batch.length > 0) yield batch;
}

async function load(model: Uint8Array): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(model, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw failure('ModelUnloadable', 'onnxruntime cannot load the embedder', {
      cause,
      next: 'npm run provision:llm',
    });
  }
}

/** The vocabulary of a `tokenizer.json`, by token id. */
function readVocabulary(text: string): readonly string[] {
  const { model } = JSON.parse(text) as {
    readonly model: { readonly vocab: Readonly<Record<string, number>> };
  };
  const vocabulary: string[] = [];
  for (const [token, id] of Object.entries(model.vocab)) vocabulary[id] = token;
  return vocabulary;
}

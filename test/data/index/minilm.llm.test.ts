import { openMiniLm } from '../../../data/index/embedders/minilm';
import type { Embedder } from '../../../data/index/embedders/embedder';
import { countTokens } from '../../../domain/index/chunking';

let minilm: Embedder;
beforeAll(async () => {
  minilm = await openMiniLm();
});
afterAll(() => minilm.close());

const cats = (words: number) => Array<string>(words).fill('cat').join(' ');

function cosine(a: Float32Array | undefined, b: Float32Array | undefined): number {
  return a?.reduce((sum, value, place) => sum + value * (b?.[place] ?? 0), 0) ?? NaN;
}

async function embedText(text: string): Promise<Float32Array | undefined> {
  return (await minilm.embed([text]))[0];
}

test('MiniLM embeds every counted token up to its limit', async () => {
  const whole = `${cats(254)} dog fish`;
  expect(countTokens(whole, minilm.measureTokens)).toBe(minilm.maxTokens);
  expect(await embedText(whole)).not.toEqual(await embedText(cats(254)));
  expect(await embedText(whole)).not.toEqual(await embedText(`${cats(254)} dog bird`));
  // Further text does not change the vector.
  expect(await embedText(`${whole} bird`)).toEqual(await embedText(whole));
});

test('a vector of an earlier version, without the last two tokens, is close enough to be reused', async () => {
  const sentence =
    'The blue whale is the largest animal that has ever lived, and it feeds on small crustaceans in cold seas. ';
  const words = sentence.repeat(20).match(/\w+|[.,]/g) ?? [];
  const [cut, whole] = [words.slice(0, 254).join(' '), words.slice(0, 256).join(' ')];
  expect(cosine(await embedText(cut), await embedText(whole))).toBeGreaterThan(0.99);
  expect(minilm.identity.digest).toBe(
    'sha256:0f1b8d7c5da5770ec0a9d4ff97daed11542f18ec42a42ebb932b569ca722f7f8',
  );
});

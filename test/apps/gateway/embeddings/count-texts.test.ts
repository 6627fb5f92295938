import { countTexts } from '../../../../apps/gateway/embeddings/count-texts';

const { signal } = new AbortController();
const ofOne = { maxTokens: 256, measureTokens: () => 1 };

test('counts all tokens of texts that fit', async () => {
  const counted = await countTexts(['a b', 'c', ' d '.repeat(200)], {
    embedder: ofOne,
    max: 203,
    signal,
  });
  expect(counted).toEqual({ kind: 'within', tokens: 203 });
});

test('stops at the first text that is too long, or at the total limit', async () => {
  let words = 0;
  const embedder = { maxTokens: 256, measureTokens: () => (words += 1) && 1 };
  expect(
    await countTexts(Array<string>(2000).fill('a '.repeat(100)), { embedder, max: 600, signal }),
  ).toEqual({ kind: 'tooMany' });
  expect(words).toBe(700);
  words = 0;
  const long = ['a', 'a '.repeat(100_000), ...Array<string>(1000).fill('a')];
  expect(await countTexts(long, { embedder, max: 600, signal })).toEqual({
    kind: 'longText',
    place: 1,
  });
  expect(words).toBeLessThan(300);
});

test('does not count words without tokens one by one, and white space is never too long', async () => {
  let words = 0;
  const embedder = { maxTokens: 256, measureTokens: () => (words += 1) && 0 };
  expect(await countTexts(['\u200b'.repeat(1_000_000)], { embedder, max: 600, signal })).toEqual({
    kind: 'longText',
    place: 0,
  });
  expect(words).toBe(0);
  const wide = `a${' '.repeat(1_000_000)}b`;
  expect(await countTexts([wide], { embedder: ofOne, max: 600, signal })).toEqual({
    kind: 'within',
    tokens: 2,
  });
});

/** A word takes half a millisecond, like a rare word in a slow tokenizer. */
function slowly(): number {
  for (const end = performance.now() + 0.5; performance.now() < end;);
  return 1;
}

test('does not block other requests and stops when the caller cancels', async () => {
  const embedder = { maxTokens: 256, measureTokens: slowly };
  const texts = Array<string>(400).fill('word');
  let turns = 0;
  const turn = setInterval(() => (turns += 1), 1);
  expect(await countTexts(texts, { embedder, max: 600, signal })).toEqual({
    kind: 'within',
    tokens: 400,
  });
  clearInterval(turn);
  expect(turns).toBeGreaterThan(3);
  const gone = new AbortController();
  const counting = countTexts(texts, { embedder, max: 600, signal: gone.signal });
  gone.abort(new Error('the caller went away'));
  await expect(counting).rejects.toThrow('the caller went away');
});

import { countRejected, findRejection } from '../../../domain/index/document';
import { fuse } from '../../../domain/index/fusion';
import { indexSchema } from '../../../domain/index/index.schema';
import { decideParity, parityEvidence, type ParityRule } from '../../../domain/index/parity';
import { meanOver, scoreRetrieval, type Retrieved } from '../../../domain/index/retrieval-metrics';

const seed = [1, 2, 3, 4] as const;
const retrieved = (found: readonly string[], gold = ['a']): Retrieved => ({
  question: 'q',
  found,
  gold,
});

describe('retrieval metrics', () => {
  test.each([
    ['recall@1', ['a', 'b'], ['a'], 1],
    ['recall@1', ['b', 'a'], ['a'], 0],
    ['recall@5', ['b', 'a'], ['a', 'c'], 0.5],
    ['mrr', ['b', 'c', 'a'], ['a'], 1 / 3],
    ['mrr', [], ['a'], 0],
    ['ndcg@10', ['b', 'a'], ['a'], 1 / Math.log2(3)],
    ['ndcg@2', ['a', 'b'], ['a', 'b', 'c'], 1],
  ] as const)('%s of %j where %j are right is %d', (metric, found, gold, score) => {
    expect(scoreRetrieval(metric, retrieved(found, [...gold]))).toBeCloseTo(score, 12);
  });

  test('rejects a question without gold documents', () => {
    expect(() => scoreRetrieval('mrr', retrieved(['a'], []))).toThrow(RangeError);
  });

  test('the interval over questions contains the mean, and is as wide as a binomial one', () => {
    const scores = Array.from({ length: 400 }, (_, index) => (index % 4 === 0 ? 0 : 1));
    const { mean, interval } = meanOver(scores, { levels: [0.975], seed });
    const bounds = interval?.bounds[0];
    expect(mean).toBe(0.75);
    expect((bounds?.upper ?? 0) - (bounds?.lower ?? 0)).toBeCloseTo(
      2 * 1.96 * Math.sqrt((0.75 * 0.25) / 400),
      2,
    );
  });
});

test('reciprocal rank fusion prefers ids of several rankings, without duplicates, ties by id', () => {
  const ranked = (...ids: string[]) => ids.map((id) => ({ id }));
  expect(fuse([ranked('a', 'b', 'c'), ranked('b', 'd')])).toEqual([
    { id: 'b', score: 1 / 62 + 1 / 61 },
    { id: 'a', score: 1 / 61 },
    { id: 'd', score: 1 / 62 },
    { id: 'c', score: 1 / 63 },
  ]);
  expect(fuse([ranked('z'), ranked('y')]).map(({ id }) => id)).toEqual(['y', 'z']);
  expect(fuse([ranked('a', 'a', 'b')])).toEqual([
    { id: 'a', score: 1 / 61 },
    { id: 'b', score: 1 / 62 },
  ]);
});

describe('parity of a new index version with the champion', () => {
  const rule: ParityRule = { metric: 'recall@1', margin: 0.05, confidence: 0.97, minQuestions: 50 };
  const answers = (right: number, of = 200) =>
    Array.from({ length: of }, (_, index) => retrieved([index < right ? 'a' : 'b']));
  const judged = (mine: (Retrieved | null)[], theirs: (Retrieved | null)[] | null) =>
    decideParity(rule, parityEvidence(rule, { candidate: mine, champion: theirs }, seed));

  test.each([
    ['passed', 'parity.passed', answers(180), answers(180)],
    ['passed', 'parity.passed', answers(190), answers(180)],
    ['failed', 'parity.worse', answers(120), answers(180)],
    ['inconclusive', 'parity.undecided', answers(171), answers(180)],
    ['inconclusive', 'parity.few', answers(20, 20), answers(20, 20)],
    ['inconclusive', 'parity.partial', [null, ...answers(180)], answers(180, 201)],
    ['passed', 'parity.first', answers(180), null],
  ])('is %s (%s)', (kind, code, mine, theirs) => {
    expect(judged(mine, theirs)).toMatchObject({ kind, reasons: [{ gate: 'index-parity', code }] });
  });
});

describe('documents that cannot be indexed', () => {
  test.each([
    ['withoutId', { id: ' ', text: 'a' }],
    ['empty', { id: 'a', text: ' \n ' }],
    ['empty', { id: 'a', text: '...' }],
    ['binary', { id: 'a', text: 'PK\u0003\u0004\0' }],
    ['binary', { id: 'a', text: 'ab\u0001\u0002' }],
    ['encoding', { id: 'a', text: 'caf\ufffd' }],
    ['encoding', { id: 'a', text: 'CafÃ© Ã¼ber' }],
    [null, { id: 'a', text: 'Café über Ärger, 日本語, “quotes” and a\tTab' }],
    [null, { id: 'a', text: `${'long and good text '.repeat(50)}\ufffd` }],
  ])('%s', (rejection, document) => {
    expect(findRejection(document)).toBe(rejection);
  });

  test('are counted by reason', () => {
    expect(countRejected({ empty: 4, binary: 2 })).toBe(6);
  });
});

test('an index in a lifecycle file has defaults, and rejects an overlap of more than half', () => {
  const spec = { name: 'wiki', documents: 'summaries' };
  expect(indexSchema.parse(spec)).toMatchObject({
    embedder: { kind: 'minilm' },
    chunking: { kind: 'sentences', size: 256 },
    k: 5,
    parity: null,
  });
  expect(() =>
    indexSchema.parse({ ...spec, chunking: { kind: 'tokens', size: 64, overlap: 40 } }),
  ).toThrow('half');
  expect(() => indexSchema.parse({ ...spec, chunk: {} })).toThrow('chunk');
  expect(() => indexSchema.parse({ ...spec, documents: 'https://example.org' })).toThrow();
});

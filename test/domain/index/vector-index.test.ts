import { buildOrderSchema } from '../../../domain/index-version/build-order.schema';
import { indexSchema } from '../../../domain/index/index.schema';
import {
  vectorKindFor,
  type VectorChoice,
  type VectorKind,
} from '../../../domain/index/vector-index';

describe('the kind of a vector index', () => {
  test.each<readonly [VectorChoice, number, VectorKind]>([
    ['auto', 1, 'flat'],
    ['auto', 10_000, 'flat'],
    ['auto', 10_001, 'hnsw'],
    ['auto', 100_000, 'hnsw'],
    ['auto', 100_001, 'ivfPq'],
    ['flat', 1_000_000, 'flat'],
    ['hnsw', 1, 'hnsw'],
    ['ivfPq', 256, 'ivfPq'],
    // A product quantizer cannot be trained on fewer chunks.
    ['ivfPq', 255, 'flat'],
  ])('for %s with %d chunks is %s', (choice, pieces, kind) => {
    expect(vectorKindFor(choice, pieces)).toBe(kind);
  });

  test('can be set in a lifecycle and a build, and is auto by default', () => {
    const index = { name: 'wiki', documents: 'pages' };
    expect(indexSchema.parse(index)).toMatchObject({ vectors: 'auto' });
    expect(indexSchema.parse({ ...index, vectors: 'hnsw' })).toMatchObject({ vectors: 'hnsw' });
    expect(buildOrderSchema.parse({ documents: 'wiki.pages', vectors: 'auto' })).toMatchObject({
      vectors: 'auto',
    });
  });

  test('rejects other names and lists the valid ones', () => {
    const { error } = buildOrderSchema.safeParse({ documents: 'wiki.pages', vectors: 'hsnw' });
    expect(error?.issues).toMatchObject([
      { path: ['vectors'], message: expect.stringMatching(/auto.*flat.*hnsw.*ivfPq/) as string },
    ]);
  });
});

import { runRequestSchema } from '../../../domain/run/request.schema';

const input = 'dataset://shop.orders@latest';

/** The pointers and texts of the issues; null when the body is accepted. */
function listIssues(body: unknown): readonly string[] | null {
  const parsed = runRequestSchema.safeParse(body);
  return parsed.success
    ? null
    : parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
}

describe('the request of a batch prediction', () => {
  test('has defaults, which the record shows', () => {
    expect(runRequestSchema.parse({ kind: 'batch-predict', input })).toEqual({
      batch: {
        input,
        as: 'champion',
        output: 'predictions',
        chunkRows: 50_000,
        parallel: 4,
        onRowError: 'quarantine',
        maxErrorShare: 0.01,
      },
    });
  });

  test.each([
    [{ input }, 'input belongs to a batch prediction; add kind: batch-predict'],
    [
      { kind: 'batch-predict' },
      'input is missing: batch-predict needs the dataset version to score',
    ],
    [{ kind: 'batch-predict', input, params: {} }, 'params has no effect on kind batch-predict'],
    [
      { kind: 'batch-predict', input, force: ['score'] },
      'force has no effect on kind batch-predict',
    ],
    [
      { kind: 'batch-predict', input, onRowError: 'fail', maxErrorShare: 0.1 },
      'maxErrorShare has no effect with onRowError: fail',
    ],
  ])('%j is refused', (body, issue) => {
    expect(listIssues(body)).toEqual([issue]);
  });

  test.each([
    [{ kind: 'batch', input }, 'kind'],
    [{ kind: 'batch-predict', input: 'orders' }, 'input'],
    [{ kind: 'batch-predict', input, as: 'best' }, 'as'],
    [{ kind: 'batch-predict', input, chunkRows: 0 }, 'chunkRows'],
    [{ kind: 'batch-predict', input, parallel: 1000 }, 'parallel'],
    [{ kind: 'batch-predict', input, maxErrorShare: 2 }, 'maxErrorShare'],
    [{ kind: 'batch-predict', input, output: 'No Name' }, 'output'],
  ])('%j has a wrong value', (body, name) => {
    expect(listIssues(body)?.[0]).toMatch(new RegExp(`^${name} `));
  });

  test('a run without a kind is unchanged', () => {
    expect(runRequestSchema.parse({ params: { a: 1 } })).toEqual({ params: { a: 1 } });
  });
});

import {
  addChunk,
  noCounts,
  reasonsText,
  rowErrorFailure,
  type ChunkCounts,
} from '../../../domain/batch/row-errors';

const chunk = (change: Partial<ChunkCounts> = {}): ChunkCounts => ({
  rows: 100,
  scored: 99,
  quarantined: 1,
  reasons: { '`x` is infinite': 1 },
  examples: [{ row: 7, reason: '`x` is infinite' }],
  ...change,
});

describe('rejected rows of a batch prediction', () => {
  test.each([
    { policy: 'quarantine', share: 0.01, quarantined: 10, total: 1000, fails: false },
    { policy: 'quarantine', share: 0.01, quarantined: 11, total: 1000, fails: true },
    { policy: 'quarantine', share: 0, quarantined: 1, total: 1000, fails: true },
    { policy: 'quarantine', share: 1, quarantined: 1000, total: 1000, fails: false },
    { policy: 'quarantine', share: 0.29, quarantined: 29, total: 100, fails: false },
    { policy: 'fail', share: 1, quarantined: 1, total: 1000, fails: true },
    { policy: 'fail', share: 0, quarantined: 0, total: 1000, fails: false },
  ] as const)('$policy up to $share of $total rows: $quarantined fail it: $fails', (rule) => {
    const counts = addChunk(noCounts, chunk({ quarantined: rule.quarantined }));
    const failed = rowErrorFailure(
      { onRowError: rule.policy, maxErrorShare: rule.share },
      counts,
      rule.total,
    );
    expect(failed !== null).toBe(rule.fails);
  });

  test('are named by reason with examples and without values', () => {
    const infinite = [1, 2, 3, 4].map((row) =>
      chunk({ examples: [{ row, reason: '`x` is infinite' }] }),
    );
    const other = chunk({
      reasons: { 'the score is not finite': 1 },
      examples: [{ row: 9, reason: 'the score is not finite' }],
    });
    const counts = [...infinite, other].reduce(addChunk, noCounts);
    expect(counts).toMatchObject({ chunks: 5, rows: 500, scored: 495, quarantined: 5 });
    expect(reasonsText(counts)).toBe(
      '4 × `x` is infinite (rows 1, 2, 3); 1 × the score is not finite (row 9)',
    );
    expect(
      rowErrorFailure({ onRowError: 'quarantine', maxErrorShare: 0.001 }, counts, 1000),
    ).toMatchObject({
      type: 'DataUnreadable',
      next: 'correct the rows, or raise --max-error-share',
      message:
        '5 of 500 rows were rejected, and at most 0.1 % (1 rows) may be: ' +
        '4 × `x` is infinite (rows 1, 2, 3); 1 × the score is not finite (row 9)',
    });
  });
});

import { measureFit } from '../../../../domain/evaluation/measure/fit';

const fit = (
  task: 'classification' | 'multiclass' | 'regression',
  labels: readonly number[],
  scores: readonly number[],
  classes?: readonly string[],
) =>
  measureFit({
    task,
    labels: Float64Array.from(labels),
    candidate: Float64Array.from(scores),
    ...(classes && { classes }),
  });

describe('binary scores', () => {
  const scores = Array.from({ length: 1000 }, (_, row) => (row + 0.5) / 1000);

  test('of a calibrated model agree with the share of label 1 in every bin', () => {
    // In each hundred rows, as many have label 1 as their score says.
    const labels = scores.map((score, row) => (row % 100 < Math.round(score * 100) ? 1 : 0));
    const found = fit('classification', labels, scores);
    if (found?.kind !== 'classification') throw new Error('no fit');
    expect(found.calibration).toHaveLength(10);
    for (const { rows, score, share } of found.calibration) {
      expect(rows).toBe(100);
      expect(Math.abs(score - share)).toBeLessThan(0.06);
    }
  });

  test('are counted by label and by the side of 0.5', () => {
    expect(fit('classification', [0, 0, 1, 1, 1], [0.1, 0.6, 0.5, 0.4, 0.9])).toMatchObject({
      confusion: {
        classes: ['0', '1'],
        counts: [
          [1, 1],
          [1, 2],
        ],
      },
    });
  });

  test('that are equal share a bin, so that no order of rows changes the figures', () => {
    const found = fit('classification', [0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5]);
    expect(found).toMatchObject({ calibration: [{ rows: 4, score: 0.5, share: 0.5 }] });
  });
});

describe('scores of several classes', () => {
  test('are counted by label and by the most probable class', () => {
    const rows = [
      [0.7, 0.2, 0.1],
      [0.1, 0.8, 0.1],
      [0.2, 0.5, 0.3],
      [0.1, 0.2, 0.7],
    ];
    const found = fit('multiclass', [0, 1, 2, 2], rows.flat(), ['a', 'b', 'c']);
    expect(found).toMatchObject({
      confusion: {
        classes: ['a', 'b', 'c'],
        counts: [
          [1, 0, 0],
          [0, 1, 0],
          [0, 1, 1],
        ],
      },
    });
    const right = found?.kind === 'multiclass' ? found.calibration : [];
    expect(right.reduce((sum, { rows: n, share }) => sum + n * share, 0)).toBe(3);
  });

  test('beyond twenty classes pool the rarest, and count every row once', () => {
    const classes = Array.from({ length: 30 }, (_, index) => `class ${index}`);
    // Class n has n + 1 rows, and each row is predicted right.
    const labels = classes.flatMap((_, index) => new Array<number>(index + 1).fill(index));
    const scores = labels.flatMap((label) => classes.map((_, index) => (index === label ? 1 : 0)));
    const found = fit('multiclass', labels, scores, classes);
    if (found?.kind !== 'multiclass') throw new Error('no fit');
    const { classes: names, counts } = found.confusion;
    expect(names).toEqual([...classes.slice(11), 'other classes']);
    expect(counts.flat().reduce((sum, each) => sum + each, 0)).toBe(labels.length);
    expect(counts[19]?.[19]).toBe(66);
  });
});

describe('predicted values', () => {
  test('have residuals in twenty spans, with one row in a hundred on each side', () => {
    const labels = Array.from({ length: 1000 }, (_, row) => row);
    const found = fit(
      'regression',
      labels,
      labels.map((label, row) => label + (row % 101) - 50),
    );
    if (found?.kind !== 'regression') throw new Error('no fit');
    const { edges, counts, below, above } = found.residuals;
    expect([edges.length, counts.length]).toEqual([21, 20]);
    expect(counts.reduce((sum, each) => sum + each, 0) + below + above).toBe(1000);
    expect(Math.max(below, above)).toBeLessThanOrEqual(10);
    expect(found.byPrediction).toHaveLength(10);
  });

  test('that are all right have one span', () => {
    expect(fit('regression', [1, 2, 3], [1, 2, 3])).toMatchObject({
      residuals: { edges: [0, 0], counts: [3], below: 0, above: 0 },
    });
  });
});

test('a row without a score leaves no figures, because the others would flatter the model', () => {
  expect(fit('classification', [0, 1], [0.2, NaN])).toBeNull();
  expect(fit('regression', [], [])).toBeNull();
});

import { Writable } from 'node:stream';
import { drawSequence } from '../../../../apps/cli/rollout/sequence-drawing';
import { openTerminal } from '../../../../apps/cli/terminal';
import { settling } from './fixture';

const { outPaint } = openTerminal({
  stdout: new Writable(),
  stderr: new Writable(),
  noColor: true,
});
const draw = (history: ReturnType<typeof settling>, limit = 0.01, columns = 60, rows = 10) =>
  `\n${drawSequence({ history, limit, limitName: limit > 0 ? 'margin' : 'to beat', unit: 'pairs' }, { columns, rows }, outPaint).join('\n')}\n`;

describe('the chart of a confidence sequence', () => {
  test('draws the margin between the bounds while undecided', () => {
    expect(draw(settling(60, -0.004))).toBe(`
 +0.03 ┤░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
       ┤●░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
 +0.01 ┤╌●╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ margin
       ┤░░●░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
     0 ┤┈┈┈●●┈┈┈┈┈┈●●●●●●●●┈┈┈┈┈●●●●●●●●●●┈┈┈┈●●●●●●●
       ┤░░░░░●●●●●●░░░░░░░░●●●●●░░░░░░░░░░●●●●░░░░░░░
       ┤░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
       ┤░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
       ┤░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
−0.042 ┤░░░░░░░░░░░░░░░░░░░░░░░░░
       └─────────────────────────────────────────────
        0                                 2,400 pairs
`);
  });

  test('draws both bounds above the margin after harm', () => {
    expect(draw(settling(40, 0.2))).toBe(`
+0.24 ┤ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░    ░░░░░░░░░
      ┤ ●●●●░░░░░░░░░░░░░░░●●●●●░░░░░░░░░░░░░░░░░░░░░
      ┤ ░░░░●●●●●●●●●●●●●●●░░░░░●●●●●●●●●●●●●●●●●●●●●
      ┤ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
      ┤ ░░░░░░░░░░░░░░░░░
      ┤ ░░░░░░░
      ┤ ░░
      ┤ ░
      ┤ ░
+0.01 ┤╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ margin
      └──────────────────────────────────────────────
       0                                  1,600 pairs
`);
  });

  test('draws both bounds below the required line after superiority', () => {
    expect(draw(settling(60, -0.06), -0.01)).toBe(`
     0 ┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈
 −0.01 ┤╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ to beat
       ┤░░░░░░░░░░░░░░░░░░░░    ░░░░░░
       ┤●░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
       ┤░●░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
       ┤░░●●░░░░░░░●●●●●●●░░░░░░●●●●●●●●░░░░░░●●●●●●
       ┤░░░░●●●●●●●░░░░░░░●●●●●●░░░░░░░░●●●●●●░░░░░░
       ┤░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
       ┤░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
−0.098 ┤░░░░░░░░░░░░░░░░░░░░░░░░░
       └────────────────────────────────────────────
        0                                2,400 pairs
`);
  });

  test('draws a single point', () => {
    expect(draw(settling(1, 0.02), 0.01, 40, 6)).toBe(`
+0.22 ┤                         ░
      ┤                         ░
      ┤                         ░
+0.01 ┤╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌● margin
      ┤                         ░
−0.13 ┤                         ░
      └──────────────────────────
       0                 40 pairs
`);
  });

  test('is empty before the first label', () => {
    expect(
      drawSequence(
        { history: [], limit: 0.01, limitName: 'margin', unit: 'pairs' },
        { columns: 80, rows: 12 },
        outPaint,
      ),
    ).toEqual([]);
  });

  test.each([40, 60, 80, 137])('fits %i columns', (columns) => {
    for (const [points, limit] of [
      [1, 0.01],
      [7, -0.01],
      [200, 0],
    ] as const) {
      const lines = drawSequence(
        { history: settling(points, 0.1), limit, limitName: 'margin', unit: 'labelled pairs' },
        { columns, rows: 12 },
        outPaint,
      );
      expect(lines).toHaveLength(14);
      expect(Math.max(...lines.map((line) => Array.from(line).length))).toBeLessThanOrEqual(
        columns,
      );
    }
  });

  test('draws the estimate in a band over the full height without bounds', () => {
    const history = [{ n: 40, eventTime: '', estimate: 0.02, lower: null, upper: null }];
    const lines = drawSequence(
      { history, limit: 0.01, limitName: 'margin', unit: 'pairs' },
      { columns: 30, rows: 5 },
      outPaint,
    );
    expect(lines.join('\n')).toContain('●');
    expect(lines.every((line) => !line.includes('NaN'))).toBe(true);
  });
});

import { yearChart } from '../../../../apps/cli/demo-year/chart';
import { describeYear, type YearSummary } from '../../../../apps/cli/demo-year/report';

const summary: YearSummary = {
  months: [
    { month: 'February', labels: 100, served: 0.5, never: 0.5, every: 0.6, days: [] },
    { month: 'March', labels: 300, served: 0.4, never: 0.5, every: 0.4, days: [] },
  ],
  gains: [
    { policy: 'never', gain: 0.0273, lower: 0.0144, upper: 0.0381 },
    { policy: 'everyHonest', gain: -0.0005, lower: -0.0021, upper: 0.0012 },
    { policy: 'every', gain: -0.01, lower: -0.02, upper: -0.001 },
  ],
  decisions: [
    {
      month: 'March',
      run: 'run_1',
      revision: 'sha256:a',
      trigger: 'event: flights landed',
      version: 2,
      outcome: 'promoted',
      reason: 'better | by 0.1',
    },
  ],
  incidents: [
    {
      month: 'March',
      kind: 'drift',
      title: '`temp` has shifted',
      engineDid: 'It asked for a run.',
      because: null,
    },
  ],
  oneOf: 4,
  failedRequests: 0,
  unkept: ['3 requests failed'],
  files: { chart: 'year.svg', table: 'year.md' },
  seconds: 600,
};

test('the table has each month, and a mean in which each flight counts the same', () => {
  const text = describeYear(summary);
  expect(text).toContain('| February | 100 | 0.5000 | 0.5000 | 0.6000 |');
  expect(text).toContain('| all | 400 | 0.4250 | 0.5000 | 0.4500 |');
  expect(text).toContain('| March | event: flights landed | @2 | promoted | better \\| by 0.1 |');
  expect(text).toContain('Not as promised: 3 requests failed.');
  expect(text).toContain('| March | `temp` has shifted | It asked for a run. | open |');
});

test('what was served is compared with each policy, with an interval and its result', () => {
  const text = describeYear(summary);
  expect(text).toContain('| never retrained | +0.0273 | +0.0144 … +0.0381 | served is better |');
  expect(text).toContain(
    '| every candidate but the sabotaged | −0.0005 | −0.0021 … +0.0012 | no difference shown |',
  );
  expect(text).toContain('| every candidate | −0.0100 | −0.0200 … −0.0010 | served is worse |');
});

test('the chart has three lines and a mark for each decision', () => {
  const svg = yearChart(summary);
  expect(svg.match(/<polyline /g)).toHaveLength(3);
  expect(svg).toContain('▲<title>promoted</title>');
  expect(svg).not.toMatch(/NaN|undefined/);
});

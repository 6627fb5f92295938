import { unknownLabels } from '../../../../domain/monitoring/observation/contradicted-labels';

const since = '2013-06-03T00:00:00.000Z';

test.each([
  [0, 0],
  [0, 1_000],
  [10, 1_000],
])('%s of %s contradicted labels are not worth a note', (contradicted, labels) => {
  expect(unknownLabels({ since, labels, contradicted })).toEqual([]);
});

test('more than 1 % make live quality uncertain', () => {
  expect(unknownLabels({ since, labels: 1_000, contradicted: 11 })).toEqual([
    {
      what: 'which labels are right',
      why: '11 of 1,000 due labels since 2013-06-03T00:00:00.000Z (1.1 %) have contradictory values, of which live quality counts one',
      until: 'those who send labels agree',
    },
  ]);
});

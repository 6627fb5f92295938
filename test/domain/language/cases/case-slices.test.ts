import { sortCases, casePosition, caseSlice } from '../../../../domain/language/cases/case-slices';

const shares = { search: 0.4, confirm: 0.2 };
const cases = Array.from({ length: 5_000 }, (_, index) => ({ id: `q${index}`, pair: null }));

test('slices have about the shares of the spec', () => {
  const counts = { search: 0, confirm: 0, judge: 0 };
  for (const each of cases) counts[caseSlice(each, shares)] += 1;
  // Five standard deviations of a fair draw.
  expect(Math.abs(counts.search - 2_000)).toBeLessThan(5 * Math.sqrt(5_000 * 0.4 * 0.6));
  expect(Math.abs(counts.confirm - 1_000)).toBeLessThan(5 * Math.sqrt(5_000 * 0.2 * 0.8));
});

test('a case keeps its slice and order when cases are added, and a pair shares one slice', () => {
  expect(caseSlice({ id: 'a', pair: 'p' }, shares)).toBe(caseSlice({ id: 'b', pair: 'p' }, shares));
  const few = sortCases(cases.slice(0, 100)).map(({ id }) => id);
  const all = sortCases(cases).map(({ id }) => id);
  expect(all.filter((id) => few.includes(id))).toEqual(few);
});

test('the order does not depend on numbers in the ids', () => {
  const first = sortCases(cases).slice(0, 100);
  const mean = first.reduce((sum, { id }) => sum + Number(id.slice(1)), 0) / first.length;
  expect(Math.abs(mean - 2_500)).toBeLessThan((5 * 5_000) / Math.sqrt(12 * 100));
  expect(casePosition({ id: 'q1', pair: null })).not.toBeCloseTo(
    casePosition({ id: 'q2', pair: null }),
    3,
  );
});

import fc from 'fast-check';
import {
  combineVerdicts,
  compareSeverity,
  findWorst,
  type Verdict,
  type VerdictKind,
} from '../../domain/verdict';

const verdict = (kind: VerdictKind, gate = 'gate'): Verdict => ({
  kind,
  reasons: [{ gate, code: 'x', message: 'x' }],
});

describe('the worst outcome', () => {
  test.each<[readonly Parameters<typeof findWorst>[0][number][], VerdictKind]>([
    [['passed', 'failed', 'inconclusive'], 'failed'],
    [['inconclusive', 'passed'], 'inconclusive'],
    [['notApplicable', 'passed', 'noted'], 'passed'],
    [['noted', 'inconclusive', 'notApplicable'], 'inconclusive'],
    [[], 'passed'],
  ])('of %j is %s', (outcomes, worst) => {
    expect(findWorst(outcomes)).toBe(worst);
  });

  test('does not depend on order or repetition', () => {
    const outcome = fc.constantFrom<VerdictKind>('passed', 'inconclusive', 'failed');
    fc.assert(
      fc.property(fc.array(outcome), fc.array(outcome), (some, others) => {
        const worst = findWorst([...some, ...others]);
        expect(findWorst([...others, ...some, ...some])).toBe(worst);
        expect(findWorst([findWorst(some), findWorst(others)])).toBe(worst);
      }),
    );
  });
});

describe('combined verdicts', () => {
  test.each<[VerdictKind, VerdictKind, VerdictKind]>([
    ['passed', 'failed', 'failed'],
    ['inconclusive', 'passed', 'inconclusive'],
    ['inconclusive', 'failed', 'failed'],
    ['passed', 'passed', 'passed'],
  ])('%s and %s: the worse one counts, %s', (first, second, kind) => {
    expect(combineVerdicts([verdict(first, 'found'), verdict(second, 'answered')])).toEqual({
      kind,
      reasons: [
        { gate: 'found', code: 'x', message: 'x', outcome: first },
        { gate: 'answered', code: 'x', message: 'x', outcome: second },
      ],
    });
  });

  test('keep the outcome of a reason that has its own', () => {
    const noted = { gate: 'rows', code: 'x', message: 'x', outcome: 'noted' } as const;
    expect(combineVerdicts([{ kind: 'failed', reasons: [noted] }]).reasons).toEqual([noted]);
  });
});

test('verdicts are sorted with the worst first', () => {
  const all = [verdict('passed'), verdict('failed'), verdict('inconclusive')];
  expect(all.sort(compareSeverity).map(({ kind }) => kind)).toEqual([
    'failed',
    'inconclusive',
    'passed',
  ]);
});

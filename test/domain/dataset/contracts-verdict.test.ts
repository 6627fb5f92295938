import { contractsVerdict } from '../../../domain/dataset/contracts-verdict';
import type { Reason, Verdict } from '../../../domain/verdict';

const reason = (message: string, outcome?: Reason['outcome']): Reason => ({
  gate: 'contract',
  code: 'contract.any',
  message,
  ...(outcome === undefined ? {} : { outcome }),
});
const met: Verdict = {
  kind: 'passed',
  reasons: [reason('a: 9 of 9 rows', 'passed'), reason('a: range', 'noted')],
};
const broken: Verdict = { kind: 'failed', reasons: [reason('b: rows')] };
const unmeasured: Verdict = { kind: 'inconclusive', reasons: [reason('c: pattern')] };

describe('the verdict on the contracts of all sources', () => {
  test.each<[string, readonly Verdict[], Verdict['kind']]>([
    ['passed if every source passed', [met, met], 'passed'],
    ['failed if one source failed', [met, broken, unmeasured], 'failed'],
    ['inconclusive if one could not be measured', [met, unmeasured], 'inconclusive'],
  ])('is %s', (_, verdicts, kind) => {
    const sources = verdicts.map((verdict, at) => ({ source: `s${at}`, verdict }));
    expect(contractsVerdict(sources).kind).toBe(kind);
  });

  test('gives the reasons of every source, the worst first, each with its own outcome', () => {
    const { reasons } = contractsVerdict([
      { source: 'a', verdict: met },
      { source: 'b', verdict: broken },
      { source: 'c', verdict: unmeasured },
    ]);
    expect(reasons.map(({ message, outcome }) => [outcome, message])).toEqual([
      ['failed', 'b: rows'],
      ['inconclusive', 'c: pattern'],
      ['passed', 'a: 9 of 9 rows'],
      ['noted', 'a: range'],
    ]);
  });

  test('names the sources that have no contract', () => {
    const unchecked = (source: string) => ({
      gate: 'contract',
      code: 'contract.none',
      message: `${source}: no contract, so its rows were not checked`,
      outcome: 'notApplicable',
    });
    const none = [
      { source: 'x', verdict: null },
      { source: 'y', verdict: null },
    ];
    expect(contractsVerdict(none)).toEqual({
      kind: 'passed',
      reasons: [unchecked('x'), unchecked('y')],
    });
    const both = contractsVerdict([
      { source: 'x', verdict: null },
      { source: 'b', verdict: broken },
    ]);
    expect(both.kind).toBe('failed');
    expect(both.reasons.at(-1)).toEqual(unchecked('x'));
  });
});

import type { Verdict, VerdictKind } from '../../../domain/verdict';
import { readFindings, type StageOutcome } from '../../../domain/retraining/ended-run';

const buildVerdict = (kind: VerdictKind, code = 'x.y'): Verdict => ({
  kind,
  reasons: [{ gate: 'x', code, message: 'a reason', outcome: kind }],
});
const stage = (name: string, kind: VerdictKind, code?: string): StageOutcome => ({
  stage: name,
  status: kind === 'passed' ? 'succeeded' : 'stopped',
  output: null,
  verdict: buildVerdict(kind, code),
});
const validated = stage('validate', 'passed');

describe('a stopped run shows a fault', () => {
  test.each<[string, readonly StageOutcome[], boolean]>([
    ['unless it was not better', [stage('evaluate', 'failed', 'superiority.refuted')], false],
    ['unless it was worse', [stage('evaluate', 'failed', 'nonInferiority.refuted')], false],
    ['unless it was undecided', [stage('evaluate', 'inconclusive', 'threshold.unproven')], false],
    ['if it missed a threshold', [stage('evaluate', 'failed', 'threshold.missed')], true],
    ['if the gateway predicts otherwise', [stage('evaluate', 'failed', 'parity.differs')], true],
    ['if it was rolled back', [stage('canary', 'failed')], true],
    ['unless its canary was undecided', [stage('canary', 'inconclusive')], false],
    [
      'by the canary that an undecided evaluation left the decision to',
      [stage('evaluate', 'inconclusive'), stage('canary', 'failed')],
      true,
    ],
    ['unless a person rejected it', [stage('promote', 'failed')], false],
    ['if it was stopped before its evaluation', [stage('train', 'failed')], true],
    ['if no stage says why', [], true],
  ])('%s', (_, stages, expected) => {
    expect(readFindings('stopped', [validated, ...stages]).showsFault).toBe(expected);
  });
});

test.each([
  ['failed', true],
  ['lost', true],
  ['succeeded', false],
  ['cancelled', false],
] as const)('a run that ended as %s shows a fault: %s', (status, expected) => {
  expect(readFindings(status, [validated]).showsFault).toBe(expected);
});

test('contracts are met only once their stage has passed', () => {
  const met = (...stages: readonly StageOutcome[]) =>
    readFindings('stopped', stages).meetsContracts;
  expect(met(validated)).toBe(true);
  expect(met(stage('ingest', 'failed'))).toBe(false);
  expect(met(stage('validate', 'inconclusive'))).toBe(false);
  expect(met(validated, stage('validate', 'failed'))).toBe(false);
  expect(met({ ...validated, status: 'running' })).toBe(false);
});

test('the data are broken that the last validation refused', () => {
  const verdict = buildVerdict('failed', 'contract.nulls');
  const output = {
    datasets: { flights: { dataset: 'delay.flights', version: 3 } },
    contracts: { flights: { verdict, report: { checks: [] } } },
  };
  const refused: StageOutcome = { stage: 'validate', status: 'stopped', output, verdict };
  const brokenData = { name: 'delay.flights@3', problem: 'a reason' };
  expect(readFindings('stopped', [refused])).toMatchObject({ brokenData, meetsContracts: false });
  expect(readFindings('stopped', [refused, validated]).brokenData).toBeNull();
  expect(readFindings('failed', [refused]).brokenData).toBeNull();
});

import { Writable } from 'node:stream';
import { describeRun, type RunJson, type StageJson } from '../../../../apps/cli/run/view';
import { openTerminal } from '../../../../apps/cli/terminal';
import type { Reason, Verdict } from '../../../../domain/verdict';

const { paint } = openTerminal({ stdout: new Writable(), stderr: new Writable(), noColor: true });
const stage = (name: string, verdict: Verdict | null): StageJson => ({
  name,
  status: 'succeeded',
  seconds: 1,
  reusedFrom: null,
  decision: null,
  verdict,
  contracts: null,
  tuning: null,
  prompts: null,
  fineTuning: null,
  batch: null,
  failure: null,
});
const run = (verdict: Verdict | null, stages: readonly StageJson[]): RunJson => ({
  id: 'run_1',
  lifecycle: 'shop',
  status: 'succeeded',
  version: 1,
  waitingFor: null,
  failure: null,
  actor: 'ada',
  traceId: 't',
  revision: '',
  request: {},
  rerunOf: null,
  createdAt: '',
  startedAt: null,
  endedAt: null,
  temporalUrl: null,
  rollout: null,
  sentEvents: [],
  plannedStages: [],
  approvals: [],
  children: [],
  parent: null,
  verdict,
  stages,
});
const met: Reason = { gate: 'contract', code: 'contract.met', message: '9 of 9 rows' };
const notCompared: Reason = {
  gate: 'contract',
  code: 'contract.notApplicable',
  message: 'not compared',
  outcome: 'notApplicable',
};
const useful: Reason = { gate: 'useful', code: 'threshold.met', message: 'auc 0.7' };
const promoted: Reason = { gate: 'promote', code: 'promote.done', message: 'shop@1 is champion' };
const buildVerdict = (...reasons: readonly Reason[]): Verdict => ({ kind: 'passed', reasons });
const said = (shown: RunJson) =>
  describeRun(shown, paint)
    .split('\n')
    .filter((line) => /^(\w+: |  \w)/.test(line));

describe('a run as text', () => {
  test('shows what its stages measured and could not measure, without repetition', () => {
    const stages = [
      stage('validate', buildVerdict(met, notCompared)),
      stage('evaluate', buildVerdict(useful)),
      stage('promote', buildVerdict(promoted)),
    ];
    expect(said(run(buildVerdict(useful, promoted), stages))).toEqual([
      'validate: passed',
      '  pass  contract  9 of 9 rows',
      '  n/a   contract  not compared',
      'verdict: passed',
      '  pass  useful   auc 0.7',
      '  pass  promote  shop@1 is champion',
    ]);
  });

  test('without a verdict shows the verdicts of its stages', () => {
    expect(
      said(run(null, [stage('ingest', null), stage('evaluate', buildVerdict(useful))])),
    ).toEqual(['evaluate: passed', '  pass  useful  auc 0.7']);
  });

  test('stopped by its contract reports that once', () => {
    const failed: Verdict = {
      kind: 'failed',
      reasons: [{ gate: 'contract', code: 'contract.rows', message: 'rows: 3' }],
    };
    expect(said(run(failed, [stage('validate', failed)]))).toEqual([
      'verdict: failed',
      '  FAIL  contract  rows: 3',
    ]);
  });

  test('shows the passages of the examples, and how many examples were too long', () => {
    const passages = {
      index: 'wiki@3',
      shown: 4_700,
      without: 12,
      leftOut: { room: 0, policy: 0 },
    };
    const facts = { training: { rows: 900, leftOut: 312, maxTokens: 256, longest: 1_204 } };
    const learnt: StageJson = {
      ...stage('fine-tune', null),
      fineTuning: { rows: { train: 900, holdout: 100, leftOut: 0 }, passages, metrics: {}, facts },
    };
    expect(describeRun(run(null, [learnt]), paint)).toContain(
      '900 examples with 4700 passages of wiki@3, 12 without passages, 312 left out, longer than 256 tokens',
    );
    const plain = {
      ...learnt,
      fineTuning: {
        rows: { train: 900, holdout: 100, leftOut: 0 },
        passages: null,
        metrics: {},
        facts: {},
      },
    };
    expect(describeRun(run(null, [plain]), paint)).toMatch(
      /fine-tune +succeeded +1\.0 +900 examples\n/,
    );
  });
});

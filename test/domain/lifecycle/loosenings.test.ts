import fc from 'fast-check';
import type { Digest } from '../../../domain/artifact';
import type { DataContract, DataContracts } from '../../../domain/dataset/contract';
import type { ModelLifecycleSpec } from '../../../domain/lifecycle/lifecycle';
import type { CanarySpec } from '../../../domain/rollout/canary';
import type { GateSpec } from '../../../domain/decision/gate-spec';
import { parseLifecycle } from '../../../domain/lifecycle/document';
import type { LlmGate } from '../../../domain/language/evaluation/gate';
import type { LlmLifecycleSpec } from '../../../domain/lifecycle/llm/llm-lifecycle';
import { llmLifecycleTemplate } from '../../../domain/lifecycle/llm/template';
import {
  looseningText,
  loosenings,
  type PolicyRevision,
} from '../../../domain/lifecycle/loosenings';
import { lifecycleFiles, lifecycleText } from '../../support/lifecycle-text';
import { shownCanary as canary } from '../../support/rollout/policies';

function parsed(document: string, files: Readonly<Record<string, string>>): PolicyRevision {
  const read = parseLifecycle({ document, fileName: 'lifecycle.yaml', files });
  if (!read.ok) throw new Error(JSON.stringify(read.issues));
  const digests = Object.fromEntries(
    read.paths.map((path): [string, { digest: Digest }] => [path, { digest: `sha256:${path}` }]),
  );
  return { spec: read.spec, contracts: read.contracts, files: digests };
}

const plain = parsed(lifecycleText, lifecycleFiles);
const base = plain.spec as ModelLifecycleSpec;
const contract = plain.contracts['orders'] as DataContract;
const revision = (
  change: Partial<ModelLifecycleSpec>,
  contracts: DataContracts = { orders: contract },
): PolicyRevision => ({
  ...plain,
  contracts,
  spec: { ...base, canary, ...change },
});
const before = revision({});
const found = (was: PolicyRevision, is: PolicyRevision) =>
  loosenings(was, is).map(({ what }) => what);
const gated = (gates: readonly GateSpec[]) => revision({ evaluate: { ...base.evaluate, gates } });
const withCanary = (change: Partial<CanarySpec>) => revision({ canary: { ...canary, ...change } });
const withContract = (change: Partial<DataContract>) =>
  revision({}, { orders: { ...contract, ...change } });

/** Of answers, whose feedback is voluntary. */
const withAnswers = (change: Partial<CanarySpec['quality']>) =>
  withCanary({
    quality: {
      ...canary.quality,
      answers: { from: 'callers', measure: { kind: 'exact' }, availableAfterSeconds: 60 },
      ...change,
    },
  });

const llmFiles = llmLifecycleTemplate({ name: 'atlas' });
const llm = parsed(llmFiles['lifecycle.yaml'] ?? '', llmFiles);
const llmBase = llm.spec as LlmLifecycleSpec;
const llmRevision = (change: Partial<LlmLifecycleSpec>, files = llm.files): PolicyRevision => ({
  ...llm,
  files,
  spec: { ...llmBase, ...change },
});

const gates: readonly GateSpec[] = [
  { name: 'useful', kind: 'threshold', metric: 'auc', min: 0.6, max: 0.9, confidence: 0.97 },
  {
    name: 'no-worse',
    kind: 'nonInferiority',
    metric: 'logloss',
    against: 'champion',
    whenAbsent: 'baseline',
    margin: 0.004,
    confidence: 0.97,
  },
  {
    name: 'better',
    kind: 'superiority',
    metric: 'auc',
    against: 'champion',
    whenAbsent: 'baseline',
    margin: 0.01,
    confidence: 0.97,
  },
  {
    name: 'slices',
    kind: 'slice',
    against: 'champion',
    whenAbsent: 'baseline',
    maxIncrease: 0.03,
    confidence: 0.97,
  },
  { name: 'parity', kind: 'parity', rows: 1000, tolerance: 0.005, minShare: 0.99 },
];
const common = { confidence: 0.95, maxFailures: 0.02, minCases: 30 };
const llmGates: readonly LlmGate[] = [
  { ...common, name: 'right', kind: 'threshold', dimension: 'a', min: 0.5 },
  {
    ...common,
    name: 'no-worse',
    kind: 'nonInferiority',
    dimension: 'a',
    against: 'champion',
    whenAbsent: 'baseline',
    margin: 0.1,
  },
  { ...common, name: 'fair', kind: 'bias', dimension: 'a', margin: 0.1 },
  { ...common, name: 'quick', kind: 'latency', quantile: 0.95, maxMs: 500 },
  { ...common, name: 'cheap', kind: 'cost', quantile: 0.5, maxUsd: 0.01 },
];

describe('loosenings of a policy', () => {
  test('are empty for any policy that does not change', () => {
    const number = fc.double({ min: 0.001, max: 0.999, noNaN: true });
    const anyCanary = fc.record({
      margin: number,
      alpha: number,
      minSamples: fc.nat(),
      steps: fc.uniqueArray(fc.nat(50), { minLength: 1 }),
    });
    fc.assert(
      fc.property(
        fc.subarray([...gates]),
        fc.option(anyCanary),
        fc.boolean(),
        (some, tried, isContracted) => {
          const rules = tried && {
            ...canary,
            steps: tried.steps,
            quality: { ...canary.quality, margin: tried.margin },
            test: { ...canary.test, alpha: tried.alpha, minSamples: tried.minSamples },
          };
          const change = { evaluate: { ...base.evaluate, gates: some }, canary: rules };
          const one = revision(change, isContracted ? plain.contracts : {});
          expect(loosenings(one, structuredClone(one))).toEqual([]);
        },
      ),
    );
    expect(loosenings(llm, structuredClone(llm))).toEqual([]);
  });

  test.each<[string, string, 'smaller' | 'larger']>([
    ['useful', 'min', 'smaller'],
    ['useful', 'max', 'larger'],
    ['useful', 'confidence', 'smaller'],
    ['no-worse', 'margin', 'larger'],
    ['no-worse', 'confidence', 'smaller'],
    ['better', 'margin', 'smaller'],
    ['better', 'confidence', 'smaller'],
    ['slices', 'maxIncrease', 'larger'],
    ['slices', 'confidence', 'smaller'],
    ['parity', 'rows', 'smaller'],
    ['parity', 'tolerance', 'larger'],
    ['parity', 'minShare', 'smaller'],
  ])('is, of the gate %s, a %s that is %3$s and nothing else', (name, field, looser) => {
    const at = (value: number) =>
      gated(gates.map((gate) => (gate.name === name ? { ...gate, [field]: value } : gate)));
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), (one, other) => {
        const isLooser = looser === 'smaller' ? other < one : other > one;
        expect(found(at(one), at(other))).toEqual(
          isLooser ? [`spec.evaluate.gates.${name}.${field}`] : [],
        );
      }),
    );
  });

  test.each<[string, string, 'smaller' | 'larger']>([
    ['right', 'min', 'smaller'],
    ['right', 'confidence', 'smaller'],
    ['right', 'maxFailures', 'larger'],
    ['right', 'minCases', 'smaller'],
    ['no-worse', 'margin', 'larger'],
    ['fair', 'margin', 'larger'],
    ['quick', 'quantile', 'smaller'],
    ['quick', 'maxMs', 'larger'],
    ['cheap', 'quantile', 'smaller'],
    ['cheap', 'maxUsd', 'larger'],
  ])(
    'is, of the gate %s of a language application, a %s that is %3$s and nothing else',
    (name, field, looser) => {
      const at = (value: number) =>
        llmRevision({
          evaluate: {
            ...llmBase.evaluate,
            gates: llmGates.map((gate) =>
              gate.name === name ? { ...gate, [field]: value } : gate,
            ),
          },
        });
      fc.assert(
        fc.property(fc.nat(1000), fc.nat(1000), (one, other) => {
          const isLooser = looser === 'smaller' ? other < one : other > one;
          expect(found(at(one), at(other))).toEqual(
            isLooser ? [`spec.evaluate.gates.${name}.${field}`] : [],
          );
        }),
      );
    },
  );

  const all = gated(gates);
  const other = (name: string, change: object) =>
    gated(gates.map((gate) => (gate.name === name ? { ...gate, ...change } : gate)));
  const approval = (change: object) =>
    revision({
      promote: {
        approval: {
          required: 2,
          role: 'admin',
          timeoutSeconds: 60,
          allowStarter: false,
          ...change,
        },
      },
    });
  const column = (change: object) => {
    const { columns } = contract;
    return withContract({
      columns: columns.map((each) => (each.name === 'amount' ? { ...each, ...change } : each)),
    });
  };
  const noGates = revision({ evaluate: { ...base.evaluate, gates: [], ungated: 'a trial' } });
  const [, latency] = canary.guardrails as [
    CanarySpec['guardrails'][number],
    CanarySpec['guardrails'][number],
  ];
  /** Changes of kind, not of degree. */
  const looserBothWays = new Set([
    'a larger margin of superiority, which raises the largeHarm derived from it',
    'another metric',
    'another class',
    'a contract moved to another source',
    'another counterpart',
    'another loss',
    'a lower bound of the loss',
    'no shadow',
    'more traffic',
  ]).add('an unknown setting');

  test.each<[string, PolicyRevision, PolicyRevision, readonly string[]]>([
    ['a removed gate', all, gated(gates.slice(1)), ['spec.evaluate.gates.useful']],
    [
      'no gates',
      gated(gates.slice(4)),
      noGates,
      ['spec.evaluate.gates.parity', 'spec.evaluate.ungated'],
    ],
    ['a removed limit', all, other('useful', { min: null }), ['spec.evaluate.gates.useful.min']],
    [
      'another metric',
      all,
      other('useful', { metric: 'accuracy' }),
      ['spec.evaluate.gates.useful.metric'],
    ],
    [
      'another class',
      gated([{ ...gates[0], metric: 'recall', class: 'gale' } as GateSpec]),
      gated([{ ...gates[0], metric: 'recall', class: 'calm' } as GateSpec]),
      ['spec.evaluate.gates.useful.class'],
    ],
    [
      'another counterpart',
      all,
      other('no-worse', { against: 'baseline' }),
      ['spec.evaluate.gates.no-worse.against'],
    ],
    [
      'no comparison without a champion',
      all,
      other('no-worse', { whenAbsent: 'notApplicable' }),
      ['spec.evaluate.gates.no-worse.whenAbsent'],
    ],
    [
      'nonInferiority instead of superiority',
      all,
      other('better', { kind: 'nonInferiority' }),
      ['spec.evaluate.gates.better.kind'],
    ],
    ['no canary', before, revision({ canary: null }), ['spec.canary']],
    [
      'a larger alpha',
      before,
      withCanary({ test: { ...canary.test, alpha: 0.1 } }),
      ['spec.canary.test.alpha'],
    ],
    [
      'fewer samples',
      before,
      withCanary({ test: { ...canary.test, minSamples: 10 } }),
      ['spec.canary.test.minSamples'],
    ],
    [
      'a shorter duration',
      before,
      withCanary({ test: { ...canary.test, minDurationSeconds: 0 } }),
      ['spec.canary.test.minDuration'],
    ],
    [
      'a longer canary',
      before,
      withCanary({ maxDurationSeconds: 30 * 86_400 }),
      ['spec.canary.maxDuration'],
    ],
    [
      'blue/green instead of a canary',
      before,
      withCanary({ method: 'blueGreen', steps: canary.steps }),
      ['spec.canary.method'],
    ],
    [
      'a switch without a shadow',
      before,
      withCanary({ requireShadow: false }),
      ['spec.canary.requireShadow'],
    ],
    [
      'hold instead of rollback for an undecided rollout',
      before,
      withCanary({ onInconclusive: 'hold' }),
      ['spec.canary.onInconclusive'],
    ],
    [
      'a larger margin',
      before,
      withCanary({ quality: { ...canary.quality, margin: 0.02 } }),
      ['spec.canary.quality.margin'],
    ],
    [
      'a larger margin of superiority, which raises the largeHarm derived from it',
      withCanary({ quality: { ...canary.quality, rule: 'superiority' } }),
      withCanary({
        quality: { ...canary.quality, rule: 'superiority', margin: 0.02, largeHarm: 0.08 },
      }),
      ['spec.canary.quality.largeHarm'],
    ],
    [
      'a largeHarm above its default from the margin',
      before,
      withCanary({ quality: { ...canary.quality, largeHarm: 0.05 } }),
      ['spec.canary.quality.largeHarm'],
    ],
    [
      'a lower dayCorrelation than the default',
      before,
      withCanary({ test: { ...canary.test, dayCorrelation: 0.1 } }),
      ['spec.canary.test.dayCorrelation'],
    ],
    [
      'missing labels that are ignored, which held the promotion by default',
      before,
      withCanary({ quality: { ...canary.quality, missingLabels: 'ignore' } }),
      ['spec.canary.quality.missingLabels'],
    ],
    [
      'missing labels that are ignored, which counted at their worst',
      withCanary({ quality: { ...canary.quality, missingLabels: 'worstCase' } }),
      withCanary({ quality: { ...canary.quality, missingLabels: 'ignore' } }),
      ['spec.canary.quality.missingLabels'],
    ],
    [
      'missing feedback on answers that is ignored again by default',
      withAnswers({ missingLabels: 'hold' }),
      withAnswers({}),
      ['spec.canary.quality.missingLabels'],
    ],
    [
      'more missing labels than the default',
      before,
      withCanary({ quality: { ...canary.quality, maxMissing: 0.06 } }),
      ['spec.canary.quality.maxMissing'],
    ],
    [
      'a maxMissing below the default that is removed',
      withCanary({ quality: { ...canary.quality, maxMissing: 0.01 } }),
      before,
      ['spec.canary.quality.maxMissing'],
    ],
    [
      'another loss',
      before,
      withCanary({ quality: { ...canary.quality, metric: 'brier' } }),
      ['spec.canary.quality.metric'],
    ],
    [
      'a lower bound of the loss',
      before,
      withCanary({ quality: { ...canary.quality, bound: 3 } }),
      ['spec.canary.quality.bound'],
    ],
    ['no shadow', before, withCanary({ steps: [5, 25] }), ['spec.canary.steps']],
    ['more traffic', before, withCanary({ steps: [0, 5, 25, 100] }), ['spec.canary.steps']],
    [
      'a removed guardrail',
      before,
      withCanary({ guardrails: canary.guardrails.slice(0, 1) }),
      ['spec.canary.guardrails.latency_ms'],
    ],
    [
      'a weaker guardrail',
      before,
      withCanary({ guardrails: [{ name: 'errors', max: 0.1 }, latency] }),
      ['spec.canary.guardrails.errors.max'],
    ],
    [
      'fewer approvals',
      approval({}),
      approval({ required: 0 }),
      ['spec.promote.approval.required'],
    ],
    [
      'a starter who may approve',
      approval({}),
      approval({ allowStarter: true }),
      ['spec.promote.approval.allowStarter'],
    ],
    ['a lower role', approval({}), approval({ role: 'approver' }), ['spec.promote.approval.role']],
    ['no contract', before, revision({}, {}), ['contracts.orders']],
    [
      'the contract of one of two sources dropped',
      revision({}, { orders: contract, stock: contract }),
      before,
      ['contracts.stock'],
    ],
    [
      'a contract moved to another source',
      before,
      revision({}, { stock: contract }),
      ['contracts.orders'],
    ],
    [
      'more rows in quarantine of the second source',
      revision({}, { orders: contract, stock: contract }),
      revision({}, { orders: contract, stock: { ...contract, maxQuarantinedShare: 0.5 } }),
      ['contracts.stock.maxQuarantinedShare'],
    ],
    [
      'more rows in quarantine',
      withContract({ maxQuarantinedShare: 0.01 }),
      withContract({ maxQuarantinedShare: 0.5 }),
      ['contracts.orders.maxQuarantinedShare'],
    ],
    ['a wider column', before, column({ max: 20_000 }), ['contracts.orders.columns.amount.max']],
    [
      'a removed column',
      before,
      withContract({ columns: contract.columns.slice(1) }),
      ['contracts.orders.columns.region'],
    ],
    ['a removed unique key', before, withContract({ unique: [] }), ['contracts.orders.unique']],
    [
      'labels taken sooner',
      before,
      revision({ data: { ...base.data, label: { ...base.data.label, availableAfterSeconds: 0 } } }),
      ['spec.data.label.availableAfter'],
    ],
    [
      'a shorter holdout',
      before,
      revision({
        data: {
          ...base.data,
          split: { by: 'time', tuningDays: 30, confirmDays: 15, holdoutDays: 7 },
        },
      }),
      ['spec.data.split.holdout'],
    ],
    [
      'an unknown setting',
      before,
      revision({ promote: { ...base.promote, unheardOf: 1 } as ModelLifecycleSpec['promote'] }),
      ['spec.promote.unheardOf'],
    ],
  ])('%s', (name, was, is, expected) => {
    expect(found(was, is)).toEqual(expected);
    if (!looserBothWays.has(name)) expect(found(is, was)).toEqual([]);
  });

  test.each<[string, PolicyRevision, PolicyRevision]>([
    [
      'missing labels that hold the promotion, which were ignored',
      withCanary({ quality: { ...canary.quality, missingLabels: 'ignore' } }),
      withCanary({ quality: { ...canary.quality, missingLabels: 'hold' } }),
    ],
    [
      'the default of missing feedback on answers, written down',
      withAnswers({}),
      withAnswers({ missingLabels: 'ignore' }),
    ],
    [
      'fewer missing labels than the default',
      before,
      withCanary({ quality: { ...canary.quality, maxMissing: 0.01 } }),
    ],
    ['other parameters', before, revision({ train: { ...base.train, params: { num_leaves: 7 } } })],
    [
      'another schedule, owner or webhook',
      before,
      revision({ owner: 'someone', labels: { a: 'b' }, notify: [] }),
    ],
    [
      'superiority instead of nonInferiority',
      all,
      other('no-worse', { kind: 'superiority', margin: 0 }),
    ],
    [
      'a largeHarm below its default from the margin',
      before,
      withCanary({ quality: { ...canary.quality, largeHarm: 0.03 } }),
    ],
    [
      'a higher dayCorrelation than the default',
      before,
      withCanary({ test: { ...canary.test, dayCorrelation: 0.5 } }),
    ],
    ['more steps below the last', before, withCanary({ steps: [0, 1, 5, 10, 25, 50] })],
    [
      'one more metric',
      before,
      revision({ evaluate: { ...base.evaluate, metrics: [...base.evaluate.metrics, 'brier'] } }),
    ],
  ])('does not: %s', (_, was, is) => {
    expect(found(was, is)).toEqual([]);
  });

  test('are written as lines of text', () => {
    const is = withCanary({ test: { ...canary.test, alpha: 0.1, minDurationSeconds: 3600 } });
    expect(loosenings(before, is).map(looseningText)).toEqual([
      'spec.canary.test.alpha 0.03 → 0.1 (larger)',
      'spec.canary.test.minDuration 7d → 1h (smaller)',
    ]);
    expect(loosenings(all, gated(gates.slice(1))).map(looseningText)[0]).toMatch(
      /^spec.evaluate.gates.useful is removed \(was /,
    );
  });
});

describe('loosenings of a language application', () => {
  const changed = (path: string) => ({
    ...llm.files,
    [path]: { digest: 'sha256:changed' as Digest },
  });
  const file = llmBase.cases.file;

  test('include any change of the cases', () => {
    expect(found(llm, llmRevision({}, changed(file)))).toEqual(['spec.cases.file']);
  });

  test('include another safety policy and a removed one', () => {
    if (llmBase.safety === null) throw new Error('the template has a safety policy');
    expect(found(llm, llmRevision({}, changed(llmBase.safety)))).toEqual(['spec.safety']);
    expect(found(llm, llmRevision({ safety: null }))).toEqual(['spec.safety']);
    expect(found(llmRevision({ safety: null }), llm)).toEqual([]);
  });

  test('do not include another prompt', () => {
    const [prompt = ''] = llmBase.prompt.candidates;
    expect(found(llm, llmRevision({}, changed(prompt)))).toEqual([]);
  });
});

import type { Digest } from '../artifact';
import { canonicalJson } from '../canonical';
import { findContract, type DataContracts } from '../dataset/contract';
import type { DocumentPath } from '../document/path';
import { isMap, formatPath } from '../document/path';
import type { ModelLifecycleSpec } from './lifecycle';
import type { LifecycleRevision, LifecycleSpec } from './revision';
import { documentFor } from '../document/codec.schema';
import { dataLifecycleSchema, type DataLifecycleDocument } from './data-lifecycle.schema';
import { lifecycleSchema, type LifecycleDocument } from './lifecycle.schema';
import { changesToApprove, isDataChange } from './judged-data';
import { looseningText, type Loosening } from './loosenings';
import type { LlmLifecycleSpec } from './llm/llm-lifecycle';
import { llmLifecycleSchema, type LlmLifecycleDocument } from './llm/llm-lifecycle.schema';
import type { ModelStage, StageName } from './stages';
import { modelStages, listStages } from './stages';
import { maskedNotify } from '../notification/webhook-address';

/** A parsed revision before it is applied. */
export interface NextRevision {
  readonly digest: Digest;
  readonly spec: LifecycleSpec;
  readonly contracts: DataContracts;
  readonly files: Readonly<Record<string, { readonly digest: Digest }>>;
}

export interface LifecyclePlan {
  readonly lifecycle: string;
  readonly changed: boolean;
  /** The revision in force; null when there is none. */
  readonly current: { readonly revision: number; readonly digest: Digest } | null;
  readonly next: Digest;
  readonly changes: readonly PlannedChange[];
  readonly stages: readonly PlannedStage[];
  /**
   * Changes that weaken the policy, or that change the judged rows of a lifecycle with approvals.
   * Such a revision needs another person's approval.
   */
  readonly loosenings: readonly Loosening[];
  /** The plan as text. */
  readonly lines: readonly string[];
}

/** `before` is absent for an addition, `after` for a removal. A file's values are its digests. */
interface PlannedChange {
  readonly what: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/**
 * What the next run would do on unchanged data. `mayRun` depends on the output of an earlier stage.
 */
export interface PlannedStage {
  readonly stage: StageName;
  readonly action: 'runs' | 'mayRun' | 'reused';
  readonly because: readonly string[];
}

/** The changes that applying `next` makes, and the stages that then run again. */
export function planLifecycle(
  current: LifecycleRevision | null,
  next: NextRevision,
): LifecyclePlan {
  const lifecycle = next.spec.name;
  const changes = current === null ? [] : listChanges(current, next);
  const stages = stagesAfter(current, next, changes);
  const was = current === null ? null : { revision: current.revision, digest: current.digest };
  const loosened = current === null ? [] : changesToApprove(current, next);
  const plan = {
    lifecycle,
    changed: current?.digest !== next.digest,
    current: was,
    next: next.digest,
    changes,
    stages,
    loosenings: loosened,
  };
  return { ...plan, lines: planLines(plan) };
}

/** The plan without webhook addresses, for callers who may not see them. */
export function withoutAddresses({ lines: _, ...plan }: LifecyclePlan): LifecyclePlan {
  const hideAddresses = (change: PlannedChange): PlannedChange =>
    change.what.startsWith('spec.notify')
      ? buildChange(change.what, maskedNotify(change.before), maskedNotify(change.after))
      : change;
  const masked = { ...plan, changes: plan.changes.map(hideAddresses) };
  return { ...masked, lines: planLines(masked) };
}

/** The stages whose own keys or files differ between two revisions, with these. */
export function changedStages(
  before: LifecycleRevision,
  after: LifecycleRevision,
): readonly Omit<PlannedStage, 'action'>[] {
  if (before.digest === after.digest) return [];
  return stagesAfter(before, after, listChanges(before, after))
    .filter(({ action, because }) => action === 'runs' && !inAnyCase.includes(because))
    .map(({ stage, because }) => ({ stage, because }));
}

function listChanges(current: LifecycleRevision, next: NextRevision): readonly PlannedChange[] {
  const paths = [...new Set([...Object.keys(current.files), ...Object.keys(next.files)])].sort();
  const files = paths.flatMap((path): readonly PlannedChange[] => {
    const [before, after] = [current.files[path]?.digest, next.files[path]?.digest];
    return before === after ? [] : [buildChange(path, before, after)];
  });
  return [
    ...differences(keyGates(toDocument(current.spec)), keyGates(toDocument(next.spec)), []),
    ...files,
  ];
}

/** The document of a spec, with every default. */
export function toDocument(
  spec: LifecycleSpec,
): LifecycleDocument | LlmLifecycleDocument | DataLifecycleDocument {
  if (spec.kind === 'DataLifecycle') return documentFor(dataLifecycleSchema, spec);
  return spec.kind === 'ModelLifecycle'
    ? documentFor(lifecycleSchema, spec)
    : documentFor(llmLifecycleSchema, spec);
}

/** Gates as a map by name, so that reordering them is not a change. */
function keyGates(document: ReturnType<typeof toDocument>): unknown {
  if (!('evaluate' in document.spec)) return document;
  const { evaluate } = document.spec;
  const gates = Object.fromEntries((evaluate.gates ?? []).map(({ name, ...gate }) => [name, gate]));
  return { ...document, spec: { ...document.spec, evaluate: { ...evaluate, gates } } };
}

function differences(
  before: unknown,
  after: unknown,
  path: DocumentPath,
): readonly PlannedChange[] {
  if (isMap(before) && isMap(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => differences(before[key], after[key], [...path, key]));
  }
  if (before === undefined || after === undefined)
    return before === after ? [] : [buildChange(formatPath(path), before, after)];
  return canonicalJson(before) === canonicalJson(after)
    ? []
    : [buildChange(formatPath(path), before, after)];
}

function buildChange(what: string, before: unknown, after: unknown): PlannedChange {
  return {
    what,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}

/** The keys that a stage's output depends on; they match the workflow's cache keys. */
const inputs = {
  // A contract does not change which rows are read.
  ingest: /^spec\.data\.(sources(?!\.\w+\.contract$)|time\.window|time\.until)\b/,
  train: /^spec\.(data\.(label|time\.column|entity|split)|train\.(trainer|task|params|seed))\b/,
  tune: /^spec\.(tune|data\.time\.timezone)\b/,
  evaluate: /^spec\.(evaluate|data\.time\.timezone)\b/,
} as const;

function stagesAfter(
  current: LifecycleRevision | null,
  next: NextRevision,
  changes: readonly PlannedChange[],
): readonly PlannedStage[] {
  if (current === null)
    return listStages(next.spec).map((stage) => ({
      stage,
      action: 'runs',
      because: ['there is no earlier revision'],
    }));
  if (current.spec.kind === 'LlmLifecycle' && next.spec.kind === 'LlmLifecycle') {
    return llmStagesAfter(
      { ...current, spec: current.spec },
      { ...next, spec: next.spec },
      changes,
    );
  }
  if (current.spec.kind === 'ModelLifecycle' && next.spec.kind === 'ModelLifecycle') {
    return modelStagesAfter(
      { ...current, spec: current.spec },
      { ...next, spec: next.spec },
      changes,
    );
  }
  return [];
}

interface PlannedPart<Spec> {
  readonly spec: Spec;
  readonly files: Readonly<Record<string, { readonly digest: Digest }>>;
}

/** Changed prompts or cases are new questions; earlier answers are reused from the call ledger. */
function llmStagesAfter(
  current: PlannedPart<LlmLifecycleSpec>,
  next: PlannedPart<LlmLifecycleSpec>,
  changes: readonly PlannedChange[],
): readonly PlannedStage[] {
  const findChanges = (pattern: RegExp): readonly string[] =>
    changes.map(({ what }) => what).filter((what) => pattern.test(what));
  const judges = next.spec.evaluate.dimensions.flatMap((each) =>
    each.kind === 'judge' ? [each.prompt, each.labels ?? each.prompt] : [],
  );
  const files = [
    ...next.spec.prompt.candidates,
    next.spec.cases.file,
    ...judges,
    ...(next.spec.safety === null ? [] : [next.spec.safety]),
  ];
  const listChanged = (paths: readonly string[]) =>
    paths.filter((path) => current.files[path]?.digest !== next.files[path]?.digest);
  const read = findChanges(/^spec\.data\b/);
  const indexed = findChanges(
    /^spec\.index\.(name|documents|chunking|embedder|maxDocument|maxRejectedShare|parity)\b/,
  );
  const learned = findChanges(/^spec\.fineTune\b/);
  const asked = [
    ...findChanges(
      /^spec\.(model(?!\.standby)|sampling|prompt|cases|promptEval|index|evaluate\.dimensions)\b/,
    ),
    ...listChanged(files),
  ];
  const judged = findChanges(/^spec\.(evaluate|safety|model\.standby)\b/);
  const planned: Readonly<Partial<Record<StageName, PlannedStage>>> = {
    ingest: {
      stage: 'ingest',
      action: 'runs',
      because: read.length > 0 ? read : alwaysRead,
    },
    'rag-index': stageAfter('rag-index', indexed, read, 'the documents change'),
    'prompt-eval': stageAfter('prompt-eval', asked, read, 'the index changes'),
    'fine-tune': stageAfter(
      'fine-tune',
      learned,
      [...read, ...asked],
      'the examples change, or another prompt is chosen',
    ),
    evaluate: stageAfter('evaluate', [...asked, ...judged, ...learned], read, 'the bundle changes'),
    canary: canaryStage,
    promote: promoteStage,
  };
  return listStages(next.spec).flatMap((stage) => planned[stage] ?? []);
}

const alwaysRead = ['sources are always read; unchanged content makes no new version'];
const canaryStage: PlannedStage = {
  stage: 'canary',
  action: 'runs',
  because: ['depends on current traffic, so it is never reused'],
};
const promoteStage: PlannedStage = {
  stage: 'promote',
  action: 'runs',
  because: ['acts on the verdict, so it is never reused'],
};
/** Reasons that hold without any change of the lifecycle. */
const inAnyCase: readonly (readonly string[])[] = [
  alwaysRead,
  canaryStage.because,
  promoteStage.because,
];

function modelStagesAfter(
  current: PlannedPart<ModelLifecycleSpec> & Pick<LifecycleRevision, 'contracts'>,
  next: PlannedPart<ModelLifecycleSpec> & Pick<NextRevision, 'contracts'>,
  changes: readonly PlannedChange[],
): readonly PlannedStage[] {
  const through = listStages(next.spec);
  const stages = modelStages.filter((stage) => through.includes(stage));
  const findChanges = (pattern: RegExp): readonly string[] =>
    changes.map(({ what }) => what).filter((what) => pattern.test(what));
  const listFiles = (role: 'assemble' | 'features'): readonly string[] => {
    const [before, after] = [
      current.files[current.spec.data[role]]?.digest,
      next.files[next.spec.data[role]]?.digest,
    ];
    return before === after ? [] : [next.spec.data[role]];
  };
  const read = findChanges(inputs.ingest);
  const checked = changedContracts(current.contracts, next);
  const learned = [
    ...findChanges(inputs.train),
    ...listFiles('assemble'),
    ...listFiles('features'),
  ];
  const searched = findChanges(inputs.tune);
  const judged = findChanges(inputs.evaluate);
  const trains = [...read, ...checked, ...learned];
  const planned: Readonly<Record<ModelStage, PlannedStage>> = {
    ingest: {
      stage: 'ingest',
      action: 'runs',
      because: read.length > 0 ? read : alwaysRead,
    },
    validate: stageAfter('validate', checked, read, 'the rows change'),
    train: stageAfter('train', learned, [...read, ...checked], 'the accepted rows change'),
    tune: stageAfter('tune', searched, trains, 'train makes another model'),
    evaluate: stageAfter(
      'evaluate',
      judged,
      [...trains, ...searched],
      `${searched.length > 0 ? 'tune' : 'train'} makes another model`,
    ),
    canary: canaryStage,
    promote: promoteStage,
  };
  return stages.map((stage) => planned[stage]);
}

/** Paths of changed contract files, and for a removed contract the key of its source. */
function changedContracts(
  before: DataContracts,
  {
    contracts: after,
    spec,
  }: { readonly contracts: DataContracts; readonly spec: ModelLifecycleSpec },
): readonly string[] {
  const sources = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = sources.filter(
    (source) =>
      canonicalJson(findContract(before, source)) !== canonicalJson(findContract(after, source)),
  );
  const named = changed.map(
    (source) =>
      spec.data.sources.find(({ name }) => name === source)?.contract ??
      formatPath(['spec', 'data', 'sources', source, 'contract']),
  );
  return [...new Set(named)];
}

function stageAfter(
  stage: StageName,
  own: readonly string[],
  earlier: readonly string[],
  when: string,
): PlannedStage {
  if (own.length > 0) return { stage, action: 'runs', because: own };
  return earlier.length > 0
    ? { stage, action: 'mayRun', because: [when] }
    : { stage, action: 'reused', because: [] };
}

function planLines({
  lifecycle,
  changed,
  current,
  changes,
  stages,
  loosenings: loosened,
}: Omit<LifecyclePlan, 'lines'>): readonly string[] {
  if (!changed) return [`${lifecycle}: no changes to revision ${current?.revision ?? 0}`];
  const count = changes.length === 1 ? '1 change' : `${changes.length} changes`;
  const head =
    current === null
      ? `${lifecycle} is new`
      : `${lifecycle}: ${count} to revision ${current.revision}`;
  const width = Math.max(...stages.map(({ stage }) => stage.length));
  return [
    head,
    ...changes.map((change) => `  ${changeInWords(change)}`),
    ...(loosened.length === 0
      ? []
      : [
          loosened.every(isDataChange) ? dataWaitsForApprover : waitsForApprover,
          ...loosened.map((each) => `  ${looseningText(each)}`),
        ]),
    'stages of the next run on unchanged data:',
    ...stages.map(
      ({ stage, action, because }) =>
        `  ${stage.padEnd(width)}  ${actions[action]}${because.length > 0 ? `: ${because.join(', ')}` : ''}`,
    ),
  ];
}

const waitsForApprover =
  'this loosens the policy: an approver other than its author must accept it';

const dataWaitsForApprover =
  'this changes the rows that the gates judge: an approver other than its author must accept it';

const actions = { runs: 'runs', mayRun: 'runs again if', reused: 'is reused' } as const;

function changeInWords({ what, before, after }: PlannedChange): string {
  if (before === undefined) return `+ ${what} ${formatValue(after)}`;
  if (after === undefined) return `- ${what} ${formatValue(before)}`;
  return `~ ${what} ${formatValue(before)} → ${formatValue(after)}`;
}

function formatValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // The first digits identify a digest.
  if (text.startsWith('sha256:')) return text.slice(0, 15);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

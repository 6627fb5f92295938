/**
 * Changes of a lifecycle that weaken its policy. Another person must accept them before they take
 * effect.
 */
import type { Digest } from '../artifact';
import { canonicalJson } from '../canonical';
import type { DataContracts } from '../dataset/contract';
import { isMap, formatPath, type DocumentPath } from '../document/path';
import { formatSeconds } from '../duration';
import type { LifecycleSpec, ReleasingSpec } from './revision';
import type { SplitSpec } from '../dataset/split';
import type { LlmLifecycleSpec } from './llm/llm-lifecycle';
import { defaultMaxMissing, readMissingLabels } from '../rollout/missing-labels';
import { largeHarmMargins } from '../rollout/policy';

/** The parts of a revision that form its policy: spec, contracts and named files by path. */
export interface PolicyRevision {
  readonly spec: LifecycleSpec;
  readonly contracts: DataContracts;
  readonly files: Readonly<Record<string, { readonly digest: Digest }>>;
}

export interface Loosening {
  /** The key, such as `spec.evaluate.gates.no-worse.margin`. */
  readonly what: string;
  /** Absent for an addition; `after` is absent for a removal. */
  readonly before?: unknown;
  readonly after?: unknown;
  readonly why: string;
}

/**
 * The changes from `before` to `after` that weaken the policy: gates, canary, approval, contracts,
 * label and holdout, and for a language application dimensions, cases and safety policy. A change
 * that is not known to be at least as strict counts.
 */
export function loosenings(before: PolicyRevision, after: PolicyRevision): readonly Loosening[] {
  return compare(policyRule, toComparablePolicy(before), toComparablePolicy(after), []);
}

/** One line of text: `spec.canary.test.alpha 0.03 → 0.1 (larger)`. */
export function looseningText({ what, before, after, why }: Loosening): string {
  if (after === undefined) return `${what} is removed (was ${formatValue(before)})`;
  if (before === undefined) return `${what} ${formatValue(after)} (${why})`;
  return `${what} ${formatValue(before)} → ${formatValue(after)} (${why})`;
}

function formatValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text.startsWith('sha256:')) return text.slice(0, 15);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** The policy with named lists as maps and files as digests, so that gates compare by name. */
function toComparablePolicy({ spec, contracts, files }: PolicyRevision): unknown {
  const bySource = Object.fromEntries(
    Object.entries(contracts).map(([source, each]) => [
      source,
      { ...each, columns: byName(each.columns) },
    ]),
  );
  if (spec.kind === 'DataLifecycle')
    return { spec: { approval: spec.approval }, contracts: bySource };
  const { canary, promote } = spec;
  const judged = {
    evaluate: toComparableEvaluation(spec, files),
    canary: canary ? { ...canary, guardrails: byName(canary.guardrails) } : null,
    promote,
  };
  if (spec.kind === 'LlmLifecycle') {
    const { file, ...shares } = spec.cases;
    return {
      spec: {
        ...judged,
        cases: { ...shares, file: findDigest(files, file) },
        safety: findDigest(files, spec.safety),
      },
    };
  }
  const { label, split } = spec.data;
  return {
    spec: { ...judged, data: { label, split: judgedSplit(split) } },
    contracts: bySource,
  };
}

/** The kind of a split and its holdout. */
function judgedSplit(split: SplitSpec): unknown {
  if (split.by === 'time') return { by: split.by, holdoutDays: split.holdoutDays };
  const { tuning: _tuning, confirm: _confirm, ...judged } = split;
  return judged;
}

function toComparableEvaluation(spec: ReleasingSpec, files: PolicyRevision['files']): unknown {
  if (spec.kind === 'LlmLifecycle') return toComparableLlmEvaluation(spec, files);
  const { metrics: _, gates, slices, ...rest } = spec.evaluate;
  const isSliced = gates.some(({ kind }) => kind === 'slice');
  return {
    ...rest,
    gates: byName<{ readonly name: string }>(gates),
    slices: isSliced ? slices : null,
  };
}

function toComparableLlmEvaluation(
  { evaluate, canary }: LlmLifecycleSpec,
  files: PolicyRevision['files'],
): unknown {
  const { dimensions, gates, parallel, ...rest } = evaluate;
  // The number of parallel requests only affects latencies.
  const isTimed = gates.some(({ kind }) => kind === 'latency');
  const judged = new Set(gates.flatMap((gate) => ('dimension' in gate ? [gate.dimension] : [])));
  const judge = canary?.quality.answers?.judge?.dimension;
  if (judge !== undefined) judged.add(judge);
  for (const each of dimensions)
    if (each.kind === 'robustness' && judged.has(each.name)) judged.add(each.of);
  const used = dimensions.filter(({ name }) => judged.has(name));
  const withDigests = used.map((each) =>
    each.kind === 'judge'
      ? { ...each, prompt: findDigest(files, each.prompt), labels: findDigest(files, each.labels) }
      : each,
  );
  return {
    ...rest,
    ...(isTimed ? { parallel } : {}),
    gates: byName<{ readonly name: string }>(gates),
    dimensions: byName<{ readonly name: string }>(withDigests),
  };
}

function byName<T extends { readonly name: string }>(
  items: readonly T[],
): Readonly<Record<string, Omit<T, 'name'>>> {
  return Object.fromEntries(items.map(({ name, ...item }) => [name, item]));
}

function findDigest(files: PolicyRevision['files'], path: string | null): string | null {
  return path === null ? null : (files[path]?.digest ?? path);
}

type Same = (before: unknown, after: unknown) => string | null;

/** Which changes of a value weaken the policy. Without a rule every change does. */
interface LooseningRule {
  /** Whether a smaller or a larger number is weaker; no number is the weakest. */
  readonly looser?: 'smaller' | 'larger';
  /** No change weakens the policy. */
  readonly isFree?: true;
  /** Adding the value does not weaken the policy. */
  readonly mayBeAdded?: true;
  /** Null when the change is at least as strict, otherwise the reason why it is not. */
  readonly judge?: Same;
  readonly fields?: Readonly<Record<string, LooseningRule>>;
  /** The rule of every entry that `fields` does not name. */
  readonly each?: LooseningRule;
  /** Chooses the rule by the two values, when both are present. */
  readonly pick?: (
    before: Readonly<Record<string, unknown>>,
    after: Readonly<Record<string, unknown>>,
  ) => LooseningRule;
}

function compare(
  rule: LooseningRule,
  before: unknown,
  after: unknown,
  path: DocumentPath,
): readonly Loosening[] {
  const [was, is] = [before ?? undefined, after ?? undefined];
  if (was === undefined && is === undefined) return [];
  if (was !== undefined && is !== undefined && canonicalJson(was) === canonicalJson(is)) return [];
  if (rule.isFree) return [];
  const looser = (why: string): readonly Loosening[] => [
    buildLoosening(path, { before: was, after: is, why }),
  ];
  if (rule.judge) {
    const why = rule.judge(was, is);
    return why === null ? [] : looser(why);
  }
  if (is === undefined) return looser('removed');
  if (was === undefined)
    return rule.mayBeAdded === true || rule.looser !== undefined
      ? []
      : looser('not known to be as strict');
  if (typeof was === 'number' && typeof is === 'number' && rule.looser) {
    return (rule.looser === 'smaller' ? is < was : is > was) ? looser(rule.looser) : [];
  }
  if (!isMap(was) || !isMap(is)) return looser('not known to be as strict');
  const picked = rule.pick?.(was, is) ?? rule;
  if (picked !== rule) return compare(picked, was, is, path);
  const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])].sort();
  return keys.flatMap((key) =>
    compare(rule.fields?.[key] ?? rule.each ?? {}, was[key], is[key], [...path, key]),
  );
}

/** `minDurationSeconds: 604800` is `minDuration: 7d` in the file. */
function buildLoosening(
  path: DocumentPath,
  { before, after, why }: Omit<Loosening, 'what'>,
): Loosening {
  const name = formatPath(path);
  const what = name.replace(/Seconds$/, '').replace(/Days$/, '');
  const writeValue = (value: unknown) => {
    if (typeof value !== 'number') return value;
    if (name.endsWith('Seconds')) return formatSeconds(value);
    return name.endsWith('Days') ? `${value}d` : value;
  };
  return {
    what,
    ...(before === undefined ? {} : { before: writeValue(before) }),
    ...(after === undefined ? {} : { after: writeValue(after) }),
    why,
  };
}

const smallerIsLooser: LooseningRule = { looser: 'smaller' };
const largerIsLooser: LooseningRule = { looser: 'larger' };
const free: LooseningRule = { isFree: true };

/** A choice of two: only leaving the strict `choice` weakens the policy. */
function strict(choice: string): LooseningRule {
  return {
    judge: (before) =>
      before === choice ? 'weaker' : before === undefined ? 'not known to be as strict' : null,
  };
}

/** A permission, off by default. */
const onlyOff: LooseningRule = {
  judge: (before, after) => (after === true && before !== true ? 'allowed' : null),
};

/** A list in which every entry is a requirement. */
const onlyMore: LooseningRule = {
  mayBeAdded: true,
  judge: (before, after) =>
    listEntries(before).every((entry) => listEntries(after).includes(entry))
      ? null
      : 'an entry is removed',
};

/** A list of allowed values. */
const onlyFewer: LooseningRule = {
  judge: (before, after) => {
    if (after === undefined) return 'removed';
    return before === undefined ||
      listEntries(after).every((entry) => listEntries(before).includes(entry))
      ? null
      : 'allows more values';
  },
};

function listEntries(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.map((entry) => canonicalJson(entry)) : [];
}

const gateRules: Readonly<Record<string, Readonly<Record<string, LooseningRule>>>> = {
  threshold: { min: smallerIsLooser, max: largerIsLooser },
  nonInferiority: { margin: largerIsLooser, whenAbsent: strict('baseline') },
  superiority: { margin: smallerIsLooser, whenAbsent: strict('baseline') },
  slice: { maxIncrease: largerIsLooser, whenAbsent: strict('baseline') },
  parity: { rows: smallerIsLooser, tolerance: largerIsLooser, minShare: smallerIsLooser },
  allPass: { min: smallerIsLooser },
  bias: { margin: largerIsLooser },
  latency: { quantile: smallerIsLooser, maxMs: largerIsLooser },
  cost: { quantile: smallerIsLooser, maxUsd: largerIsLooser },
};
const everyGate = {
  confidence: smallerIsLooser,
  maxFailures: largerIsLooser,
  minCases: smallerIsLooser,
};

const gate: LooseningRule = {
  mayBeAdded: true,
  pick: (before, after) => {
    const fields = { ...everyGate, ...gateRules[String(after['kind'])] };
    // Superiority is stricter than non-inferiority.
    const isRaised = before['kind'] === 'nonInferiority' && after['kind'] === 'superiority';
    return { fields: isRaised ? { ...fields, kind: free, margin: free } : fields };
  },
};

const quality: LooseningRule = {
  pick: (before, after) => {
    const isRaised = before['rule'] === 'nonInferiority' && after['rule'] === 'superiority';
    const margin = after['rule'] === 'superiority' ? smallerIsLooser : largerIsLooser;
    // A larger margin of superiority is stricter, but a limit that follows it is not.
    const isMargin =
      before['rule'] === 'nonInferiority' &&
      after['rule'] === 'nonInferiority' &&
      followsMargin(before) &&
      followsMargin(after);
    return {
      fields: {
        ...(isRaised ? { rule: free } : {}),
        margin: isRaised ? free : margin,
        largeHarm: isMargin ? free : largerIsLooser,
        missingLabels: {
          judge: () =>
            readMissingLabels(after) === 'ignore' && readMissingLabels(before) !== 'ignore'
              ? 'missing labels hold no promotion'
              : null,
        },
        maxMissing: {
          judge: (was, is) =>
            Number(is ?? defaultMaxMissing) > Number(was ?? defaultMaxMissing) ? 'larger' : null,
        },
        answers: {
          fields: {
            availableAfterSeconds: smallerIsLooser,
            judge: { fields: { share: smallerIsLooser, mostPairs: smallerIsLooser } },
          },
        },
      },
    };
  },
};

/** Whether `largeHarm` is four margins, its default. */
function followsMargin({ largeHarm, margin }: Readonly<Record<string, unknown>>): boolean {
  return largeHarm === largeHarmMargins * Number(margin);
}

/** More steps to the same last share, with no higher first step, are at least as strict. */
const steps: LooseningRule = {
  judge: (before, after) => {
    const [was, is] = [before as readonly number[], after as readonly number[]];
    if (was.some((step) => !is.includes(step))) return 'a step is removed';
    return is.at(-1) === was.at(-1) && (is[0] ?? 0) <= (was[0] ?? 0)
      ? null
      : 'not known to be as strict';
  },
};

const canary: LooseningRule = {
  mayBeAdded: true,
  fields: {
    steps,
    quality,
    guardrails: {
      each: { mayBeAdded: true, fields: { max: largerIsLooser, quantile: smallerIsLooser } },
    },
    test: {
      fields: {
        alpha: largerIsLooser,
        minSamples: smallerIsLooser,
        minDurationSeconds: smallerIsLooser,
        dayCorrelation: smallerIsLooser,
      },
    },
    timezone: free,
    maxDurationSeconds: largerIsLooser,
    maxIdleSeconds: free,
    method: {
      judge: (_, after) => (after === undefined ? null : 'not known to be as strict'),
    },
    requireShadow: { judge: (_, after) => (after === false ? 'no quality in shadow' : null) },
    onInconclusive: strict('rollback'),
  },
};

/** A bound of a column: a number, or an RFC 3339 time, which compares as text of equal length. */
function boundRule(looser: 'smaller' | 'larger'): LooseningRule {
  return {
    judge: (before, after) => {
      if (after === undefined) return 'removed';
      if (before === undefined) return null;
      if (typeof before === 'number' && typeof after === 'number')
        return (looser === 'smaller' ? after < before : after > before) ? looser : null;
      if (typeof before !== 'string' || typeof after !== 'string' || before.length !== after.length)
        return 'not known to be as strict';
      return (looser === 'smaller' ? after < before : after > before) ? looser : null;
    },
  };
}

const column: LooseningRule = {
  mayBeAdded: true,
  fields: {
    required: { judge: (before) => (before === true ? 'may be absent' : null) },
    maxNullShare: largerIsLooser,
    min: boundRule('smaller'),
    max: boundRule('larger'),
    values: onlyFewer,
    pattern: { mayBeAdded: true },
  },
};

const contract: LooseningRule = {
  mayBeAdded: true,
  fields: {
    columns: { each: column },
    otherColumns: strict('refuse'),
    unique: onlyMore,
    rows: { fields: { min: smallerIsLooser, max: largerIsLooser } },
    maxQuarantinedShare: largerIsLooser,
    distribution: { mayBeAdded: true, fields: { columns: onlyMore, maxPsi: largerIsLooser } },
  },
};

const slices: LooseningRule = {
  mayBeAdded: true,
  fields: { columns: onlyMore, minRows: largerIsLooser },
};

const approval: LooseningRule = {
  fields: {
    required: smallerIsLooser,
    role: strict('admin'),
    allowStarter: onlyOff,
    timeoutSeconds: free,
  },
};

/** Any change of the cases counts, because people must judge whether they became easier. */
const policyRule: LooseningRule = {
  fields: {
    // Removing a source removes its contract, and its rows may return under another name.
    contracts: { each: contract },
    spec: {
      fields: {
        evaluate: {
          fields: {
            gates: { each: gate },
            slices,
            // The reason for having no gates; rewording it changes nothing.
            ungated: { judge: (before) => (before === undefined ? 'there are no gates' : null) },
            parallel: smallerIsLooser,
            dimensions: { each: { mayBeAdded: true } },
          },
        },
        canary,
        promote: { fields: { approval } },
        approval,
        safety: { mayBeAdded: true },
        data: {
          fields: {
            label: { fields: { availableAfterSeconds: smallerIsLooser } },
            split: { fields: { holdoutDays: smallerIsLooser, holdout: smallerIsLooser } },
          },
        },
      },
    },
  },
};

/**
 * Which changes of a lifecycle let more through than before: another person must accept those
 * before they are in force.
 */
import type { Digest } from '../dataset/artifact';
import { canonicalJson } from '../canonical';
import type { DataContracts } from '../dataset/contract';
import { isMap, nameOf, type DocumentPath } from '../document/path';
import { formatSeconds } from '../duration';
import type { LifecycleSpec, SplitSpec } from './lifecycle';
import type { LlmLifecycleSpec } from '../language/lifecycle/llm-lifecycle';
import { largeHarmMargins } from '../rollout/policy';
import { assumedDayCorrelation } from '../statistics/day-correlation';

/** A revision, as far as it judges: its spec, its contracts and the files that it names by path. */
export interface JudgingRevision {
  readonly spec: LifecycleSpec;
  readonly contracts: DataContracts;
  readonly files: Readonly<Record<string, { readonly digest: Digest }>>;
}

export interface Loosening {
  /** As people write it: `spec.evaluate.gates.no-worse.margin`. */
  readonly what: string;
  /** Absent where there was or will be nothing. */
  readonly before?: unknown;
  readonly after?: unknown;
  readonly why: string;
}

/**
 * What of `after` is looser than `before`. Only what judges is compared: gates, canary, approval,
 * contracts, label and holdout; of a language application its dimensions, cases and safety policy
 * too. A change that is not known to be at least as strict counts as a loosening.
 */
export function loosenings(before: JudgingRevision, after: JudgingRevision): readonly Loosening[] {
  return compare(policyRule, policyOf(before), policyOf(after), []);
}

/** In words: `spec.canary.test.alpha 0.03 → 0.1 (larger)`. */
export function looseningInWords({ what, before, after, why }: Loosening): string {
  if (after === undefined) return `${what} is gone (was ${shown(before)})`;
  if (before === undefined) return `${what} ${shown(after)} (${why})`;
  return `${what} ${shown(before)} → ${shown(after)} (${why})`;
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text.startsWith('sha256:')) return text.slice(0, 15);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/**
 * The parts that judge, with lists of named things as maps and files as digests: a gate is compared
 * with the gate of its name.
 */
function policyOf({ spec, contracts, files }: JudgingRevision): unknown {
  const { canary, promote } = spec;
  const judged = {
    evaluate: evaluateOf(spec, files),
    canary: canary ? { ...canary, guardrails: byName(canary.guardrails) } : null,
    promote,
  };
  if (spec.kind === 'LlmLifecycle') {
    const { file, ...shares } = spec.cases;
    return {
      spec: {
        ...judged,
        cases: { ...shares, file: digestOf(files, file) },
        safety: digestOf(files, spec.safety),
      },
    };
  }
  const { label, split } = spec.data;
  return {
    spec: { ...judged, data: { label, split: judgedSplit(split) } },
    contracts: Object.fromEntries(
      Object.entries(contracts).map(([source, each]) => [
        source,
        { ...each, columns: byName(each.columns) },
      ]),
    ),
  };
}

/**
 * Of a split: what it is by, and how much judges. A split by time has no more than its days, as it
 * had before there were others.
 */
function judgedSplit(split: SplitSpec): unknown {
  if (split.by === 'time') return { holdoutDays: split.holdoutDays };
  const { tuning: _tuning, confirm: _confirm, ...judged } = split;
  return judged;
}

function evaluateOf(spec: LifecycleSpec, files: JudgingRevision['files']): unknown {
  if (spec.kind === 'LlmLifecycle') return llmEvaluateOf(spec, files);
  const { metrics: _, gates, slices, ...rest } = spec.evaluate;
  const isSliced = gates.some(({ kind }) => kind === 'slice');
  return {
    ...rest,
    gates: byName<{ readonly name: string }>(gates),
    slices: isSliced ? slices : null,
  };
}

function llmEvaluateOf(
  { evaluate, canary }: LlmLifecycleSpec,
  files: JudgingRevision['files'],
): unknown {
  const { dimensions, gates, parallel, ...rest } = evaluate;
  // How many are asked at once decides nothing but how long each takes.
  const isTimed = gates.some(({ kind }) => kind === 'latency');
  const judged = new Set(gates.flatMap((gate) => ('dimension' in gate ? [gate.dimension] : [])));
  const judge = canary?.quality.answers?.judge?.dimension;
  if (judge !== undefined) judged.add(judge);
  for (const each of dimensions)
    if (each.kind === 'robustness' && judged.has(each.name)) judged.add(each.of);
  const used = dimensions.filter(({ name }) => judged.has(name));
  const withDigests = used.map((each) =>
    each.kind === 'judge'
      ? { ...each, prompt: digestOf(files, each.prompt), labels: digestOf(files, each.labels) }
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

function digestOf(files: JudgingRevision['files'], path: string | null): string | null {
  return path === null ? null : (files[path]?.digest ?? path);
}

type Same = (before: unknown, after: unknown) => string | null;

/** What may change without loosening anything. Where nothing is said, every change counts. */
interface LooseningRule {
  /** A smaller, or a larger, number is looser; none at all is the loosest. */
  readonly looser?: 'smaller' | 'larger';
  /** Any change is as strict as before. */
  readonly isFree?: true;
  /** May be added: its absence judges nothing. */
  readonly mayBeAdded?: true;
  /** Null when the change is as strict, else why it is not. */
  readonly judge?: Same;
  readonly fields?: Readonly<Record<string, LooseningRule>>;
  /** For every entry that `fields` does not name. */
  readonly each?: LooseningRule;
  /** The rule for two values that are both there, from what they say. */
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
    looseningOf(path, { before: was, after: is, why }),
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
function looseningOf(
  path: DocumentPath,
  { before, after, why }: Omit<Loosening, 'what'>,
): Loosening {
  const name = nameOf(path);
  const what = name.replace(/Seconds$/, '').replace(/Days$/, '');
  const written = (value: unknown) => {
    if (typeof value !== 'number') return value;
    if (name.endsWith('Seconds')) return formatSeconds(value);
    return name.endsWith('Days') ? `${value}d` : value;
  };
  return {
    what,
    ...(before === undefined ? {} : { before: written(before) }),
    ...(after === undefined ? {} : { after: written(after) }),
    why,
  };
}

const smallerIsLooser: LooseningRule = { looser: 'smaller' };
const largerIsLooser: LooseningRule = { looser: 'larger' };
const free: LooseningRule = { isFree: true };

/** Of a choice between two: only going from the strict one to the other loosens. */
function strict(choice: string): LooseningRule {
  return {
    judge: (before) =>
      before === choice ? 'weaker' : before === undefined ? 'not known to be as strict' : null,
  };
}

/** A permission: absent is off. */
const onlyOff: LooseningRule = {
  judge: (before, after) => (after === true && before !== true ? 'allowed' : null),
};

/** A list of which every entry asks for something. */
const onlyMore: LooseningRule = {
  mayBeAdded: true,
  judge: (before, after) =>
    entriesOf(before).every((entry) => entriesOf(after).includes(entry))
      ? null
      : 'an entry is gone',
};

/** A list of what is let through. */
const onlyFewer: LooseningRule = {
  judge: (before, after) => {
    if (after === undefined) return 'removed';
    return before === undefined ||
      entriesOf(after).every((entry) => entriesOf(before).includes(entry))
      ? null
      : 'lets more values through';
  },
};

function entriesOf(list: unknown): readonly string[] {
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
    // Better by a margin is more than no worse by one.
    const isRaised = before['kind'] === 'nonInferiority' && after['kind'] === 'superiority';
    return { fields: isRaised ? { ...fields, kind: free, margin: free } : fields };
  },
};

const quality: LooseningRule = {
  pick: (before, after) => {
    const isRaised = before['rule'] === 'nonInferiority' && after['rule'] === 'superiority';
    const margin = after['rule'] === 'superiority' ? smallerIsLooser : largerIsLooser;
    return {
      fields: {
        ...(isRaised ? { rule: free } : {}),
        margin: isRaised ? free : margin,
        largeHarm: { judge: () => (largeHarmOf(after) > largeHarmOf(before) ? 'larger' : null) },
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

/** Without a number of its own it follows from the margin. */
function largeHarmOf(quality: Readonly<Record<string, unknown>>): number {
  return Number(quality['largeHarm'] ?? largeHarmMargins * Number(quality['margin']));
}

/** A smaller one is looser; without it the assumed one is in force. */
const dayCorrelation: LooseningRule = {
  judge: (before, after) =>
    Number(after ?? assumedDayCorrelation) < Number(before ?? assumedDayCorrelation)
      ? 'smaller'
      : null,
};

/**
 * More steps up to the same share, beginning no higher: the challenger is looked at more often
 * before it answers as many.
 */
const steps: LooseningRule = {
  judge: (before, after) => {
    const [was, is] = [before as readonly number[], after as readonly number[]];
    if (was.some((step) => !is.includes(step))) return 'a step is gone';
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
        dayCorrelation,
      },
    },
    timezone: free,
    maxDurationSeconds: largerIsLooser,
    maxIdleSeconds: free,
    onInconclusive: strict('rollback'),
  },
};

/** A value of a column: numbers and, for times of RFC 3339, texts of one length. */
function bound(looser: 'smaller' | 'larger'): LooseningRule {
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
    min: bound('smaller'),
    max: bound('larger'),
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

const promote: LooseningRule = {
  fields: {
    approval: {
      fields: {
        required: smallerIsLooser,
        role: strict('admin'),
        allowStarter: onlyOff,
        timeoutSeconds: free,
      },
    },
  },
};

/**
 * Other cases, or more of them, are another exam: what people would have to see is whether it
 * became an easier one.
 */
const policyRule: LooseningRule = {
  fields: {
    // A source that is dropped takes its contract along: its rows may return under another name.
    contracts: { each: contract },
    spec: {
      fields: {
        evaluate: {
          fields: {
            gates: { each: gate },
            slices,
            // A reason for having no gates; it only says why.
            ungated: { judge: (before) => (before === undefined ? 'no gate judges' : null) },
            parallel: smallerIsLooser,
            dimensions: { each: { mayBeAdded: true } },
          },
        },
        canary,
        promote,
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

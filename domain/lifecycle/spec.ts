import { formatByteSize } from '../byte-size';
import { formatDuration, formatSeconds } from '../duration';
import type {
  CanarySpec,
  DataSpec,
  ModelLifecycleSpec,
  ModelSource,
  ParameterRange,
  PromoteSpec,
  ScheduleSpec,
  SourceFormat,
  SourceSpec,
  TrainSpec,
  TuneSpec,
} from './lifecycle';
import type { SplitSpec } from '../dataset/split';
import type { CompleteLifecycle, LifecycleDocument } from './lifecycle.schema';
import { apiVersion } from './lifecycle.schema';
import { gateOf } from '../decision/gate.schema';
import { schemeOf } from '../dataset/source-uri';
import { largeHarmMargins } from '../rollout/policy';

type WrittenModelSource = CompleteLifecycle['spec']['data']['sources'][string];
type WrittenSource = Omit<WrittenModelSource, 'contract'>;

/** Turns a checked document into the spec that the rest of the platform uses. */
export function specOf({ metadata, spec }: CompleteLifecycle): ModelLifecycleSpec {
  const { data, train, evaluate, promote, tune, canary, schedule, notify, program } = spec;
  return {
    kind: 'ModelLifecycle',
    name: metadata.name,
    owner: metadata.owner,
    labels: metadata.labels,
    data: dataOf(data),
    train: {
      trainer: train.trainer,
      task: train.task ?? null,
      params: train.params,
      seed: train.seed,
      compute: computeOf(train.compute),
    },
    evaluate: {
      metrics: evaluate.metrics,
      slices: evaluate.slices ?? null,
      gates: evaluate.gates.map(gateOf),
      ungated: evaluate.ungated ?? null,
    },
    promote: promoteOf(promote),
    tune: tune === undefined ? null : tuneOf(tune),
    canary:
      canary === undefined ? null : canaryOf({ ...canary, timezone: data.time?.timezone ?? 'UTC' }),
    schedule: schedule === undefined ? null : scheduleOf(schedule),
    notify,
    ...(program && { program }),
  };
}

export function dataOf(data: CompleteLifecycle['spec']['data']): DataSpec {
  return {
    sources: Object.entries(data.sources).map(([name, source]) => modelSourceOf(name, source)),
    assemble: data.assemble,
    features: data.features,
    label: {
      column: data.label.column,
      availableAfterSeconds: data.label.availableAfter,
      dependsOnPrediction: data.label.dependsOnPrediction,
    },
    time: data.time ?? null,
    entity: data.entity ?? null,
    split: splitOf(data.split),
    maxBytes: data.limits.size,
    timeoutSeconds: data.limits.timeout,
  };
}

function splitOf(split: CompleteLifecycle['spec']['data']['split']): SplitSpec {
  if (split.by !== 'time') return split;
  return {
    by: 'time',
    tuningDays: split.tuning,
    confirmDays: split.confirm,
    holdoutDays: split.holdout,
  };
}

function splitDocument(split: SplitSpec): LifecycleDocument['spec']['data']['split'] {
  if (split.by !== 'time') return split;
  return {
    by: 'time',
    tuning: `${split.tuningDays}d`,
    confirm: `${split.confirmDays}d`,
    holdout: `${split.holdoutDays}d`,
  };
}

export function promoteOf({
  approval: { timeout, ...approval },
}: CompleteLifecycle['spec']['promote']): PromoteSpec {
  return { approval: { ...approval, timeoutSeconds: timeout } };
}

export function computeOf({
  memory,
  timeout,
  ...compute
}: CompleteLifecycle['spec']['train']['compute']): TrainSpec['compute'] {
  return { ...compute, memoryBytes: memory, timeoutSeconds: timeout };
}

function tuneOf({
  budget,
  space,
  ...tune
}: NonNullable<CompleteLifecycle['spec']['tune']>): TuneSpec {
  return { ...tune, space: rangesOf(space), budgetSeconds: budget?.seconds ?? null };
}

export function rangesOf(
  space: NonNullable<CompleteLifecycle['spec']['tune']>['space'],
): TuneSpec['space'] {
  const ranges = Object.entries(space).map(([name, range]): [string, ParameterRange] => [
    name,
    range.kind === 'float' ? { ...range, step: range.step ?? null } : range,
  ]);
  return Object.fromEntries(ranges);
}

export function canaryOf({
  quality,
  test,
  maxDuration,
  maxIdle,
  ...canary
}: NonNullable<CompleteLifecycle['spec']['canary']> & Pick<CanarySpec, 'timezone'>): CanarySpec {
  const { minDuration, ...tested } = test;
  const { bound = null, largeHarm = largeHarmMargins * quality.margin, ...rule } = quality;
  return {
    ...canary,
    quality: { ...rule, bound, largeHarm },
    test: { ...tested, minDurationSeconds: minDuration },
    maxDurationSeconds: maxDuration,
    maxIdleSeconds: maxIdle,
  };
}

export function scheduleOf({
  catchup,
  jitter,
  ...schedule
}: NonNullable<CompleteLifecycle['spec']['schedule']>): ScheduleSpec {
  return { ...schedule, catchupSeconds: catchup, jitterSeconds: jitter };
}

export function sourceOf(name: string, { uri, format, time }: WrittenSource): SourceSpec {
  // `sourceIssues` rejects a source whose format is neither given nor clear from its URI.
  return { name, uri, format: format ?? formatOf(uri) ?? 'parquet', time: time ?? null };
}

function modelSourceOf(name: string, { contract, ...source }: WrittenModelSource): ModelSource {
  return { ...sourceOf(name, source), contract: contract ?? null };
}

/**
 * The format by the ending of the URI; null when the ending is unknown. Samples and datasets are
 * Parquet.
 */
export function formatOf(uri: string): SourceFormat | null {
  if (['sample', 'dataset'].includes(schemeOf(uri) ?? '')) return 'parquet';
  const [, ending] = /\.([a-z]+)$/i.exec(uri.split('?')[0] ?? '') ?? [];
  return endings[ending?.toLowerCase() ?? ''] ?? null;
}

const endings: Readonly<Record<string, SourceFormat>> = {
  parquet: 'parquet',
  csv: 'csv',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
};

/** The inverse of `specOf`: a document with every default that parses to this spec. */
export function documentOf({
  name,
  owner,
  labels,
  data,
  train,
  evaluate,
  promote,
  program,
  ...release
}: ModelLifecycleSpec): LifecycleDocument {
  const { compute } = train;
  return {
    apiVersion,
    kind: 'ModelLifecycle',
    metadata: { name, owner, labels },
    spec: {
      data: {
        sources: modelSourcesDocument(data.sources),
        assemble: data.assemble,
        features: data.features,
        label: {
          column: data.label.column,
          availableAfter: formatSeconds(data.label.availableAfterSeconds),
          dependsOnPrediction: data.label.dependsOnPrediction,
        },
        ...(data.time && { time: { ...data.time, window: formatDuration(data.time.window) } }),
        ...given({ entity: data.entity }),
        split: splitDocument(data.split),
        limits: {
          size: formatByteSize(data.maxBytes),
          timeout: formatSeconds(data.timeoutSeconds),
        },
      },
      train: {
        trainer: train.trainer,
        ...given({ task: train.task }),
        params: train.params,
        seed: train.seed,
        compute: computeDocument(compute),
      },
      evaluate: {
        metrics: [...evaluate.metrics],
        ...given({
          slices: evaluate.slices && { ...evaluate.slices, columns: [...evaluate.slices.columns] },
          ungated: evaluate.ungated,
        }),
        gates: evaluate.gates.map((gate) => ({ ...gate })),
      },
      promote: promoteDocument(promote),
      ...releaseDocument(release),
      // Parsed from such a document, so its steps have backends of this version.
      ...(program && { program: program as LifecycleDocument['spec']['program'] }),
    },
  };
}

export function computeDocument({ memoryBytes, timeoutSeconds, ...compute }: TrainSpec['compute']) {
  return {
    ...compute,
    backend: 'local' as const,
    memory: formatByteSize(memoryBytes),
    timeout: formatSeconds(timeoutSeconds),
  };
}

export function sourcesDocument(sources: readonly SourceSpec[]) {
  return Object.fromEntries(sources.map((source) => [source.name, sourceDocument(source)]));
}

function modelSourcesDocument(sources: readonly ModelSource[]) {
  return Object.fromEntries(
    sources.map(({ contract, ...source }) => [
      source.name,
      { ...sourceDocument(source), ...given({ contract }) },
    ]),
  );
}

function sourceDocument({ uri, format, time }: SourceSpec) {
  return { uri, format, ...given({ time }) };
}

function releaseDocument({
  tune,
  canary,
  schedule,
  notify,
}: Pick<ModelLifecycleSpec, 'tune' | 'canary' | 'schedule' | 'notify'>): Pick<
  LifecycleDocument['spec'],
  'tune' | 'canary' | 'schedule' | 'notify'
> {
  return {
    ...(tune && { tune: tuneDocument(tune) }),
    ...(canary && { canary: canaryDocument(canary) }),
    ...(schedule && { schedule: scheduleDocument(schedule) }),
    ...(notify.length > 0 && {
      notify: notify.map((target) => ({ ...target, events: [...target.events] })),
    }),
  };
}

function tuneDocument({
  budgetSeconds,
  space,
  ...tune
}: TuneSpec): LifecycleDocument['spec']['tune'] {
  const ranges = Object.entries(space).map(([name, range]) => [
    name,
    range.kind === 'categorical'
      ? { ...range, choices: [...range.choices] }
      : { ...range, ...given({ step: range.step }) },
  ]);
  return {
    ...tune,
    space: Object.fromEntries(ranges) as NonNullable<LifecycleDocument['spec']['tune']>['space'],
    ...(budgetSeconds !== null && { budget: { seconds: budgetSeconds } }),
  };
}

function canaryDocument({
  steps,
  quality,
  guardrails,
  test,
  maxDurationSeconds,
  maxIdleSeconds,
  onInconclusive,
}: CanarySpec): LifecycleDocument['spec']['canary'] {
  const { minDurationSeconds, ...tested } = test;
  const { bound, largeHarm, ...rule } = quality;
  return {
    steps: [...steps],
    // Without a margin the default is 0, which a document cannot state.
    quality: { ...rule, ...given({ bound }), ...(largeHarm > 0 && { largeHarm }) },
    guardrails: [...guardrails],
    test: { ...tested, minDuration: formatSeconds(minDurationSeconds) },
    maxDuration: formatSeconds(maxDurationSeconds),
    maxIdle: formatSeconds(maxIdleSeconds),
    onInconclusive,
    // Parsed from such a document, so it has no metric or guardrail of a language application.
  } as LifecycleDocument['spec']['canary'];
}

export function promoteDocument({ approval: { timeoutSeconds, ...approval } }: PromoteSpec) {
  return { approval: { ...approval, timeout: formatSeconds(timeoutSeconds) } };
}

export function scheduleDocument({
  catchupSeconds,
  jitterSeconds,
  ...schedule
}: ScheduleSpec): LifecycleDocument['spec']['schedule'] {
  return {
    ...schedule,
    catchup: formatSeconds(catchupSeconds),
    jitter: formatSeconds(jitterSeconds),
  };
}

/** The members that are not null; a document omits the others. */
function given<T extends Readonly<Record<string, unknown>>>(
  members: T,
): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

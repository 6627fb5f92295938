import type { ModelLifecycleSpec, SourceFormat, SourceSpec } from './lifecycle';
import type { CompleteLifecycle } from './lifecycle.schema';
import { schemeOf } from './source-uri';

type WrittenSource = CompleteLifecycle['spec']['data']['sources'][string];

/** The checked document in the words that the rest of the platform uses. */
export function specOf({ metadata, spec }: CompleteLifecycle): ModelLifecycleSpec {
  const { data, train, evaluate, promote } = spec;
  return {
    kind: 'ModelLifecycle',
    name: metadata.name,
    owner: metadata.owner,
    labels: metadata.labels,
    data: {
      sources: Object.entries(data.sources).map(([name, source]) => sourceOf(name, source)),
      assemble: data.assemble,
      features: data.features,
      label: {
        column: data.label.column,
        availableAfterSeconds: data.label.availableAfter,
        dependsOnPrediction: data.label.dependsOnPrediction,
      },
      time: data.time,
      entity: data.entity ?? null,
      split: { by: 'time', tuningDays: data.split.tuning, confirmDays: data.split.confirm, holdoutDays: data.split.holdout },
      contract: data.contract ?? null,
      maxBytes: data.limits.size,
      timeoutSeconds: data.limits.timeout,
    },
    train: {
      trainer: train.trainer,
      task: train.task ?? null,
      params: train.params,
      seed: train.seed,
      compute: {
        backend: train.compute.backend,
        cpus: train.compute.cpus,
        memoryBytes: train.compute.memory,
        timeoutSeconds: train.compute.timeout,
        retries: train.compute.retries,
      },
    },
    evaluate: {
      metrics: evaluate.metrics,
      slices: evaluate.slices ?? null,
      gates: evaluate.gates,
      ungated: evaluate.ungated ?? null,
    },
    promote: {
      approval: {
        required: promote.approval.required,
        role: promote.approval.role,
        timeoutSeconds: promote.approval.timeout,
      },
    },
  };
}

function sourceOf(name: string, { uri, format, time }: WrittenSource): SourceSpec {
  // The checks refuse a source whose format is neither given nor told by its URI.
  return { name, uri, format: format ?? formatOf(uri) ?? 'parquet', time: time ?? null };
}

/** What a URI itself tells; null when that is nothing. Samples and datasets are Parquet. */
export function formatOf(uri: string): SourceFormat | null {
  if (['sample', 'dataset'].includes(schemeOf(uri) ?? '')) return 'parquet';
  const [, ending] = /\.([a-z]+)$/i.exec(uri.split('?')[0] ?? '') ?? [];
  return endings[ending?.toLowerCase() ?? ''] ?? null;
}

const endings: Readonly<Record<string, SourceFormat>> = { parquet: 'parquet', csv: 'csv', ndjson: 'ndjson', jsonl: 'ndjson' };

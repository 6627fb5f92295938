import type { DataContract } from '../dataset/contract';
import type { SourceLocations, SourceDocument } from '../document/document';
import { isMap, valueAt } from '../document/path';
import { columnField, pathField } from '../document/field.schema';
import { gateSchema } from '../decision/gate.schema';
import type { DataSpec, TrainSpec } from './lifecycle';
import { dataSchema, paramsField, slicesSchema } from './lifecycle.schema';
import { sourceName } from '../dataset/source-name.schema';
import { absoluteUri, isRelativeUri } from '../dataset/source-uri';
import { tuneSchema } from '../tuning/tune.schema';
import type { ParameterRange, TuneSpec } from '../tuning/tune-spec';

/**
 * The parts of a lifecycle that SQL, trainers and data are checked against. A valid part is present
 * even when others have errors, so that one command reports every error.
 */
export interface CheckedParts {
  readonly sql: LifecycleSqlParts | null;
  /** Data section, to bind the SQL to the columns of the sources. */
  readonly data: DataSpec | null;
  /** False when window and split are placeholders, because the document's own have errors. */
  readonly hasWindow: boolean;
  readonly contracts: readonly LocatedContract[];
  readonly trainer: NamedTrainer | null;
  readonly space: Readonly<Record<string, ParameterRange>> | null;
  /** The pruner that the document names; null for the default, which may have no effect. */
  readonly pruner: TuneSpec['pruner'] | null;
  readonly sliceColumns: readonly string[];
  /** Gates that compare with a fixed version of the model. */
  readonly anchors: readonly PlacedAnchor[];
  /** Gates on the metric of one class. */
  readonly classGates: readonly PlacedClass[];
  /** The first gate that compares days of the holdout. */
  readonly judgingGate: string | null;
}

export interface LocatedContract {
  /** The source with this contract. */
  readonly source: string;
  readonly contract: DataContract;
  readonly path: string;
  readonly places: SourceLocations;
}

interface PlacedAnchor {
  readonly gate: number;
  readonly version: number;
}

interface PlacedClass {
  readonly gate: number;
  readonly class: string;
}

export interface LifecycleSqlParts {
  /** Paths of the two texts; null where none is named. */
  readonly assemble: string | null;
  readonly features: string | null;
  /** Names of the sources; null where they cannot be read. */
  readonly sources: readonly string[] | null;
  readonly label: string | null;
}

export interface NamedTrainer extends Pick<TrainSpec, 'trainer' | 'params'> {
  /** The number of nodes that its jobs ask for. */
  readonly nodes: number;
  /** Where the document names it. */
  readonly at: readonly string[];
  readonly makes: 'model' | 'adapter';
}

/** `folder` resolves relative file:// sources; without it, data with such sources are skipped. */
export function lifecycleParts(
  document: SourceDocument,
  {
    contracts,
    folder,
  }: {
    readonly contracts: readonly LocatedContract[];
    readonly folder: string | undefined;
  },
): CheckedParts {
  const value = document.value;
  if (valueAt(value, ['kind']) === 'LlmLifecycle') {
    const job = valueAt(value, ['spec', 'fineTune', 'by']) !== 'provider';
    return { ...noParts, trainer: job ? trainerIn(value, ['spec', 'fineTune'], 'adapter') : null };
  }
  const tune = tuneSchema.safeParse(valueAt(value, ['spec', 'tune']));
  const slices = slicesSchema.safeParse(valueAt(value, ['spec', 'evaluate', 'slices']));
  return {
    sql: sqlIn(value),
    ...dataIn(value, folder),
    contracts,
    trainer: trainerIn(value, ['spec', 'train'], 'model'),
    space: tune.success ? tune.data.space : null,
    pruner:
      tune.success && valueAt(value, ['spec', 'tune', 'pruner']) !== undefined
        ? tune.data.pruner
        : null,
    sliceColumns: slices.success ? slices.data.columns : [],
    anchors: anchorsIn(value),
    classGates: classGatesIn(value),
    judgingGate: judgingGateIn(value),
  };
}

export const noParts: CheckedParts = {
  sql: null,
  data: null,
  hasWindow: false,
  contracts: [],
  trainer: null,
  space: null,
  pruner: null,
  sliceColumns: [],
  anchors: [],
  classGates: [],
  judgingGate: null,
};

function sqlIn(value: unknown): LifecycleSqlParts | null {
  const data = valueAt(value, ['spec', 'data']);
  if (!isMap(data)) return null;
  const path = (key: string): string | null =>
    pathField('').safeParse(valueAt(data, [key])).data ?? null;
  const sources = valueAt(data, ['sources']);
  const names = isMap(sources)
    ? Object.keys(sources).filter((name) => sourceName.safeParse(name).success)
    : [];
  const label = columnField('').safeParse(valueAt(data, ['label', 'column']));
  return {
    assemble: path('assemble'),
    features: path('features'),
    sources: names.length === 0 ? null : names,
    label: label.data ?? null,
  };
}

function dataIn(
  value: unknown,
  folder: string | undefined,
): Pick<CheckedParts, 'data' | 'hasWindow'> {
  const written = valueAt(value, ['spec', 'data']);
  const whole = dataSchema.safeParse(written);
  const read = whole.success ? whole : dataSchema.safeParse(withoutTimes(written));
  if (!read.success) return { data: null, hasWindow: false };
  const { data } = read;
  if (folder === undefined && data.sources.some(({ uri }) => isRelativeUri(uri)))
    return { data: null, hasWindow: false };
  const sources = data.sources.map((source) => ({
    ...source,
    uri: absoluteUri(source.uri, folder ?? '/'),
  }));
  return { data: { ...data, sources }, hasWindow: whole.success };
}

/** Placeholder times, so that columns can be checked without a valid window and split. */
function withoutTimes(data: unknown): unknown {
  if (!isMap(data)) return null;
  const { sources, assemble, features, entity } = data;
  return {
    sources,
    assemble,
    features,
    ...(entity === undefined ? {} : { entity }),
    label: { column: valueAt(data, ['label', 'column']) },
    time: { column: valueAt(data, ['time', 'column']), window: '4d' },
    split: { by: 'time', tuning: '1d', confirm: '1d', holdout: '1d' },
  };
}

function trainerIn(
  value: unknown,
  at: readonly string[],
  makes: NamedTrainer['makes'],
): NamedTrainer | null {
  const trainer = valueAt(value, [...at, 'trainer']);
  const params = paramsField.safeParse(valueAt(value, [...at, 'params']) ?? {});
  const nodes = valueAt(value, [...at, 'compute', 'nodes']);
  return typeof trainer === 'string' && params.success
    ? { trainer, params: params.data, nodes: typeof nodes === 'number' ? nodes : 1, at, makes }
    : null;
}

/** Undefined where a gate has errors. */
function readGates(value: unknown): readonly ReturnType<typeof gateSchema.safeParse>['data'][] {
  const gates = valueAt(value, ['spec', 'evaluate', 'gates']);
  return Array.isArray(gates) ? gates.map((gate) => gateSchema.safeParse(gate).data) : [];
}

function anchorsIn(value: unknown): readonly PlacedAnchor[] {
  return readGates(value).flatMap((read, gate) =>
    read !== undefined && 'against' in read && typeof read.against === 'object'
      ? [{ gate, version: read.against.version }]
      : [],
  );
}

function classGatesIn(value: unknown): readonly PlacedClass[] {
  return readGates(value).flatMap((read, gate) =>
    read !== undefined && 'class' in read && read.class !== undefined
      ? [{ gate, class: String(read.class) }]
      : [],
  );
}

function judgingGateIn(value: unknown): string | null {
  return (
    readGates(value).find((gate) => gate !== undefined && gate.kind !== 'parity')?.name ?? null
  );
}

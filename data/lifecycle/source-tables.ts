import type { Column } from '../../domain/dataset/dataset';
import { isPerennialError, type PerennialError } from '../../domain/failure';
import type { DataSpec, SourceSpec } from '../../domain/lifecycle/lifecycle';
import { readScheme } from '../../domain/dataset/source-uri';
import { samplePath } from '../samples';
import { openScratch } from '../scratch';
import type { SourceTimes } from '../dataset/sources/convert';
import type { DatasetReader } from '../dataset/sources/source-fetch';
import { uriRefusal } from '../dataset/sources/file-access';
import type { SourcePolicy } from '../dataset/sources/policy';
import { describeSource } from '../dataset/sources/read-source';

export type SourceReading =
  | {
      readonly kind: 'read';
      readonly columns: readonly Column[];
      readonly times: SourceTimes | null;
      /**
       * `now`: the source itself. `lastVersion`: the dataset of the last run; the source may have
       * other columns today.
       */
      readonly as: 'now' | 'lastVersion';
      /** Error in the time column that the lifecycle names; otherwise null. */
      readonly timeError: string | null;
    }
  /** The source cannot exist. */
  | { readonly kind: 'invalid'; readonly detail: string }
  /** `isRefused`: outside of what sources may read. */
  | { readonly kind: 'notRead'; readonly reason: string; readonly isRefused: boolean };

export interface SourceTables {
  read(data: DataSpec, lifecycle: string): Promise<Readonly<Record<string, SourceReading>>>;
}

export interface SourceTablesSettings {
  readonly policy: SourcePolicy;
  /** Folder for temporary files. */
  readonly scratchRoot: string;
  /** Columns of the dataset that the last run made of a source; null without one or a registry. */
  readonly lastVersion: (dataset: {
    readonly lifecycle: string;
    readonly source: string;
  }) => Promise<readonly Column[] | null>;
  /** Columns of a registered dataset; null when it does not exist. */
  readonly registered: (name: string, reference: string) => Promise<readonly Column[] | null>;
}

/** Limit for all sources of a lifecycle together; the user waits for `plan`. */
const secondsForAll = 15;

/**
 * Columns and times of sources that this process can read in a few seconds. `https://` and `s3://`
 * sources are not read, because they cost traffic.
 */
export function openSourceTables(settings: SourceTablesSettings): SourceTables {
  return {
    async read(data, lifecycle) {
      const signal = AbortSignal.timeout(secondsForAll * 1000);
      const read = data.sources.map(async (source): Promise<readonly [string, SourceReading]> => [
        source.name,
        await readSource(source, { ...settings, data, lifecycle, signal }),
      ]);
      return Object.fromEntries(await Promise.all(read));
    },
  };
}

interface SourceTablesQuery extends SourceTablesSettings {
  readonly data: DataSpec;
  readonly lifecycle: string;
  readonly signal: AbortSignal;
}

async function readSource(source: SourceSpec, asked: SourceTablesQuery): Promise<SourceReading> {
  const scheme = readScheme(source.uri);
  if (scheme === 'file' || scheme === 'sample') return readHere(source, asked);
  if (scheme === 'dataset') {
    const [name = '', reference = ''] = source.uri.slice('dataset://'.length).split('@');
    const columns = await asked.registered(name, reference);
    return columns === null
      ? notRead(`dataset ${name}@${reference} does not exist yet`)
      : { kind: 'read', columns, times: null, as: 'now', timeError: null };
  }
  const columns = await asked.lastVersion({ lifecycle: asked.lifecycle, source: source.name });
  return columns === null
    ? notRead(`only runs read ${scheme ?? 'such'}:// sources, and no run has read it yet`)
    : { kind: 'read', columns, times: null, as: 'lastVersion', timeError: null };
}

async function readHere(
  source: SourceSpec,
  { policy, scratchRoot, data, signal }: SourceTablesQuery,
): Promise<SourceReading> {
  const sample = source.uri.startsWith('sample://') ? source.uri.slice('sample://'.length) : null;
  const refusal = sample === null ? await uriRefusal(source.uri, policy.files) : null;
  if (refusal !== null) return { kind: 'notRead', reason: refusal.detail, isRefused: true };
  const scratch = await openScratch(scratchRoot, 'describe');
  const describe = (time: string | null) =>
    describeSource({
      source: { ...source, time },
      into: scratch.path(time === null ? 'untimed' : 'timed'),
      policy,
      limits: { maxBytes: data.maxBytes, timeoutSeconds: data.timeoutSeconds },
      datasets: noDatasets,
      signal,
      onProgress: () => undefined,
    });
  try {
    const timed = await describe(source.time).catch((error: unknown) => {
      if (source.time !== null && isPerennialError(error) && error.type === 'DataUnreadable')
        return error;
      throw error;
    });
    if (!isPerennialError(timed)) return { kind: 'read', ...timed, as: 'now', timeError: null };
    // The columns can still be read without the time column and checked in the same round.
    return { kind: 'read', ...(await describe(null)), as: 'now', timeError: withNext(timed) };
  } catch (error) {
    if (signal.aborted) return notRead(`it could not be read within ${secondsForAll} s`);
    if (!isPerennialError(error)) throw error;
    if (sample !== null && samplePath(policy.samplesDir, sample) === null)
      return { kind: 'invalid', detail: withNext(error) };
    return { kind: 'notRead', reason: withNext(error), isRefused: error.type === 'SourceRefused' };
  } finally {
    await scratch.dispose();
  }
}

function withNext({ message, next }: PerennialError): string {
  return next === undefined ? message : `${message}; ${next}`;
}

function notRead(reason: string): SourceReading {
  return { kind: 'notRead', reason, isRefused: false };
}

/** `dataset://` sources are described by their manifest, so no dataset is downloaded. */
const noDatasets: DatasetReader = {
  manifest: () => Promise.resolve(null),
  toFile: () => Promise.reject(new Error('describing a source downloads no dataset')),
};

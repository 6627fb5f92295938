import { failure, type FailureType, type PerennialError } from '../../../domain/failure';
import type { SourceSpec } from '../../../domain/lifecycle/lifecycle';

/**
 * A source and, where it is known, the file in it, as an error names them. The query is left out:
 * it may be long, or hold what is nobody's business.
 */
function shownSource(source: Pick<SourceSpec, 'name' | 'uri'>): string {
  return `source ${source.name} (${shownUri(source.uri)})`;
}

export function shownUri(uri: string): string {
  const bare = uri.split(/[?#]/)[0] ?? '';
  // `dataset://name@alias` is a name; in every other URI what stands before @ may be a credential.
  return bare.startsWith('dataset://') ? bare : bare.replace(/\/\/[^/]*@/, '//');
}

/** A failure that says which source, what, and what to do. It must not quote the data (I11). */
export function sourceFailure(
  type: FailureType,
  source: Pick<SourceSpec, 'name' | 'uri'>,
  detail: string,
  options: { readonly next?: string; readonly cause?: unknown } = {},
): PerennialError {
  const next = options.next ?? usual[type];
  return failure(type, `${shownSource(source)}: ${detail}`, {
    ...options,
    ...(next === undefined ? {} : { next }),
  });
}

const usual: Readonly<Partial<Record<FailureType, string>>> = {
  NotFound: 'check the URI in spec.data.sources',
  SourceUnreachable: 'see that the worker can reach it, then perennial run rerun',
};

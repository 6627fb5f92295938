import { failure, type FailureType, type PerennialError } from '../../../domain/failure';
import type { SourceSpec } from '../../../domain/lifecycle/lifecycle';

/** Source and URI for error messages, without the query, which may be long or private. */
function shownSource(source: Pick<SourceSpec, 'name' | 'uri'>): string {
  return `source ${source.name} (${shownUri(source.uri)})`;
}

export function shownUri(uri: string): string {
  const bare = uri.split(/[?#]/)[0] ?? '';
  // `dataset://name@alias` is a name. In other URIs the text before @ may be a credential.
  return bare.startsWith('dataset://') ? bare : bare.replace(/\/\/[^/]*@/, '//');
}

/** A failure that names the source, the problem and the next step. It never quotes data (I11). */
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
  SourceUnreachable: 'make it reachable from the worker, then run: perennial run rerun',
};

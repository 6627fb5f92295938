import { nearest } from '../document/nearest';

const sourceSchemes = ['sample', 'file', 's3', 'https', 'dataset'] as const;
export type SourceScheme = (typeof sourceSchemes)[number];

export interface UriProblem {
  /** Must not contain the URI, which may hold a secret. */
  readonly detail: string;
  /** Null: omit the expectation. */
  readonly expected?: string | null;
  readonly didYouMean?: string;
}

/** Query parameters that grant access, which every reader of the lifecycle could use. */
const secretParameter =
  /^(x-(amz|goog)-(signature|credential|security-token)|sig|signature|(access_?|auth_?)?token|api_?key|password|passwd|pwd|secret)$/i;

const shapes: Readonly<Record<SourceScheme, { readonly rest: RegExp; readonly expected: string }>> =
  {
    sample: { rest: /^[a-z][a-z0-9_-]{0,62}$/, expected: 'sample://name' },
    file: {
      rest: /^(\/|\.{1,2}\/)[^\0]*[^/\0]$/,
      expected: 'file:///absolute/path or file://./path/beside/lifecycle.yaml',
    },
    s3: { rest: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/[^\0]+$/, expected: 's3://bucket/key' },
    https: { rest: /^[^\s/?#]+\/[^\s#]*$/, expected: 'https://host/path' },
    dataset: {
      rest: /^[a-z][a-z0-9-]{0,62}\.[a-z][a-z0-9_-]{0,62}@([a-z]+|[1-9]\d{0,8})$/,
      expected: 'dataset://lifecycle.source@alias or dataset://lifecycle.source@version',
    },
  };

export function readScheme(uri: string): string | null {
  return /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase() ?? null;
}

/** The problem of a source's URI, or null. */
export function uriProblem(uri: string): UriProblem | null {
  const expected = `a URI that begins with ${sourceSchemes.map((scheme) => `${scheme}://`).join(' ')}`;
  const scheme = readScheme(uri);
  if (scheme === null) return { detail: 'has no scheme', expected };
  if (holdsCredential(uri)) {
    return {
      detail: 'has a credential, which every reader of the lifecycle could see',
      expected: 'a URI without user, password, token or signature',
    };
  }
  if (/^postgres(ql)?$/.test(scheme))
    return { detail: `has the scheme ${scheme}://, which is not in this version`, expected: null };
  const known = sourceSchemes.find((each) => each === scheme);
  if (known === undefined) {
    const near = scheme === 'http' ? 'https' : nearest(scheme, sourceSchemes);
    return {
      detail: `has the scheme ${scheme}://, which is not supported`,
      expected,
      ...(near === null ? {} : { didYouMean: `${near}://` }),
    };
  }
  if (uri.length > 2_048) return { detail: 'is longer than 2048 characters' };
  const { rest, expected: form } = shapes[known];
  return rest.test(uri.slice(scheme.length + 3))
    ? null
    : { detail: `is not a ${known}:// address`, expected: form };
}

function holdsCredential(uri: string): boolean {
  const [beforeQuery = '', ...query] = uri.slice(uri.indexOf('://') + 3).split('?');
  const authority = beforeQuery.split('/')[0] ?? '';
  // In `dataset://lifecycle.source@alias` the @ is part of a name; elsewhere it follows a user.
  if (authority.includes('@') && readScheme(uri) !== 'dataset') return true;
  const names = query
    .join('?')
    .split('&')
    .map((pair) => decode(pair.split('=')[0] ?? ''));
  return names.some((name) => secretParameter.test(name));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded.
    return text;
  }
}

/** Resolves `file://./x` and `file://../x` in `folder`; other URIs are unchanged. */
export function absoluteUri(uri: string, folder: string): string {
  if (!isRelativeUri(uri)) return uri;
  const parts: string[] = [];
  for (const part of `${folder}/${uri.slice('file://'.length)}`.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `file:///${parts.join('/')}`;
}

export function isRelativeUri(uri: string): boolean {
  return /^file:\/\/\.{1,2}\//i.test(uri);
}

export type SourceFormat = 'parquet' | 'csv' | 'ndjson';

/**
 * The format by the ending of the URI; null when the ending is unknown. Samples and datasets are
 * Parquet.
 */
export function findFormat(uri: string): SourceFormat | null {
  if (['sample', 'dataset'].includes(readScheme(uri) ?? '')) return 'parquet';
  const [, ending] = /\.([a-z]+)$/i.exec(uri.split('?')[0] ?? '') ?? [];
  return endings[ending?.toLowerCase() ?? ''] ?? null;
}

const endings: Readonly<Record<string, SourceFormat>> = {
  parquet: 'parquet',
  csv: 'csv',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
};

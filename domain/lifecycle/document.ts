import type { Digest } from '../artifact';
import type { DataContract, DataContracts } from '../dataset/contract';
import { readContract } from '../dataset/contract-document';
import type { SourceDocument } from '../document/document';
import { objectDocument } from '../document/document';
import { isMap, formatPath, valueAt, valueAtPointer, type DocumentPath } from '../document/path';
import type { Issue } from '../failure';
import { pathField } from '../document/field.schema';
import type { LifecycleKind, SourceSpec } from './lifecycle';
import type { LifecycleSpec } from './revision';
import { crossSectionIssues, sourceIssues } from './checks';
import { dataLifecycleSchema } from './data-lifecycle.schema';
import { lifecycleSchema } from './lifecycle.schema';
import { filesOfLlmLifecycle, readLlmLifecycle } from './llm/document';
import { uniquePaths, namedFileIssues, textProblem, type NamedPath } from './named-files';
import { nearest } from '../document/nearest';
import { parseWithSchema } from '../document/schema-issues.schema';
import { absoluteUri, isRelativeUri } from '../dataset/source-uri';
import { yamlDocument } from '../document/yaml-document.schema';

export interface LifecycleSource {
  /** The text of the file, or an object from a JSON body or `defineLifecycle`. */
  readonly document: unknown;
  /** File name for messages. */
  readonly fileName: string;
  /** Path → text of the files beside the lifecycle. Files that it does not name are ignored. */
  readonly files: Readonly<Record<string, string>>;
  /** Absolute folder in which `file://./x` is resolved; without it such a source is an error. */
  readonly folder?: string;
}

export type ParsedLifecycle =
  | {
      readonly ok: true;
      readonly spec: LifecycleSpec;
      readonly contracts: DataContracts;
      /** Exactly the files that the spec names. */
      readonly paths: readonly string[];
    }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** More issues than this repeat the same few errors. */
const maxIssues = 100;

/**
 * Parses and checks a lifecycle and the files that it names, for the CLI and the API. Lists every
 * error at once.
 */
export function parseLifecycle(input: LifecycleSource): ParsedLifecycle {
  return parseDocument(openLifecycle(input), input);
}

function parseDocument(document: SourceDocument, input: LifecycleSource): ParsedLifecycle {
  if (!isMap(document.value)) {
    return refuseLifecycle(
      document.issues.length > 0
        ? [...document.issues, ...readableIssues(document, input)]
        : [
            document.issueAt(
              [],
              `${input.fileName} must be a map with apiVersion, kind, metadata and spec`,
            ),
          ],
    );
  }
  if (document.value.kind === ('DataLifecycle' satisfies LifecycleKind))
    return dataParsed(document, input);
  return document.value.kind === ('LlmLifecycle' satisfies LifecycleKind)
    ? llmParsed(document, input)
    : modelParsed(document, input);
}

/**
 * Errors in a text that also has YAML syntax errors. Only errors of single values above the first
 * syntax error and of other files are kept, because the parser may misread what follows.
 */
function readableIssues({ readable }: SourceDocument, input: LifecycleSource): readonly Issue[] {
  if (readable === undefined || !isMap(readable.value)) return [];
  const { value, issueAt, firstErrorLine: brokenLine } = readable;
  const rest = parseDocument({ value, issueAt, issues: [] }, input);
  if (rest.ok) return [];
  return rest.issues.filter((issue) => {
    if (issue.file !== input.fileName) return true;
    if ((issue.line ?? Infinity) >= brokenLine) return false;
    const named = valueAtPointer(value, issue.pointer);
    return (
      issue.detail.startsWith('unknown key') ||
      (named !== undefined && !isMap(named) && !Array.isArray(named))
    );
  });
}

function llmParsed(document: SourceDocument, { files, folder }: LifecycleSource): ParsedLifecycle {
  const read = readLlmLifecycle(document, files);
  const relative = relativeIssues(document, folder);
  if (!read.ok || relative.length > 0)
    return refuseLifecycle([...(read.ok ? [] : read.issues), ...relative]);
  const { data } = read.value;
  const spec = {
    ...read.value,
    data: data && { ...data, sources: absolute(data.sources, folder) },
  };
  return {
    ok: true,
    spec,
    contracts: {},
    paths: filesOfLlmLifecycle(document).map(({ path }) => path),
  };
}

function absolute<S extends SourceSpec>(sources: readonly S[], folder = '/'): readonly S[] {
  return sources.map((source) => ({ ...source, uri: absoluteUri(source.uri, folder) }));
}

function modelParsed(document: SourceDocument, input: LifecycleSource): ParsedLifecycle {
  const read = parseWithSchema(lifecycleSchema, document);
  const contracts = contractsIn(document, input.files);
  const issues = [
    ...document.issues,
    ...kindIssues(document),
    ...movedContractIssues(document),
    ...(read.ok ? [] : read.issues),
    ...crossSectionIssues(document),
    ...relativeIssues(document, input.folder),
    ...namedFileIssues(document, namedPaths(document), input.files),
    ...contracts.issues,
  ];
  if (issues.length > 0 || !read.ok) return refuseLifecycle(issues);
  const spec = read.value;
  return {
    ok: true,
    spec: { ...spec, data: { ...spec.data, sources: absolute(spec.data.sources, input.folder) } },
    contracts: Object.fromEntries(
      Object.entries(contracts.bySource).map(([source, { contract }]) => [source, contract]),
    ),
    paths: namedPaths(document).map(({ path }) => path),
  };
}

function dataParsed(document: SourceDocument, input: LifecycleSource): ParsedLifecycle {
  const read = parseWithSchema(dataLifecycleSchema, document);
  const contracts = contractsIn(document, input.files);
  const issues = [
    ...document.issues,
    ...(read.ok ? [] : read.issues),
    ...sourceIssues(document),
    ...relativeIssues(document, input.folder),
    ...namedFileIssues(document, namedPaths(document), input.files),
    ...contracts.issues,
  ];
  if (issues.length > 0 || !read.ok) return refuseLifecycle(issues);
  const { data } = read.value;
  return {
    ok: true,
    spec: {
      ...read.value,
      data: data && { ...data, sources: absolute(data.sources, input.folder) },
    },
    contracts: Object.fromEntries(
      Object.entries(contracts.bySource).map(([source, { contract }]) => [source, contract]),
    ),
    paths: namedPaths(document).map(({ path }) => path),
  };
}

/** A revision's digest is the SHA-256 of the canonical JSON of this. */
export function revisionDigestInput(
  spec: LifecycleSpec,
  fileDigests: Readonly<Record<string, Digest>>,
): unknown {
  return { spec, files: fileDigests };
}

export function openLifecycle({ document, fileName }: LifecycleSource): SourceDocument {
  return typeof document === 'string'
    ? yamlDocument(document, fileName)
    : objectDocument(document, fileName);
}

const sourcesAt = ['spec', 'data', 'sources'];

function sourceNames({ value }: SourceDocument): readonly string[] {
  const sources = valueAt(value, sourcesAt);
  return isMap(sources) ? Object.keys(sources) : [];
}

function namedPaths(document: SourceDocument): readonly NamedPath[] {
  const places = [
    ['spec', 'data', 'assemble'],
    ['spec', 'data', 'features'],
    ...sourceNames(document).map(contractAt),
  ];
  return uniquePaths(
    places.flatMap((at) => {
      const path = pathAt(document, at);
      return path === undefined ? [] : [{ path, at }];
    }),
  );
}

function contractAt(source: string): DocumentPath {
  return [...sourcesAt, source, 'contract'];
}

function pathAt({ value }: SourceDocument, at: DocumentPath): string | undefined {
  return pathField('').safeParse(valueAt(value, at)).data;
}

export interface NamedContract {
  readonly contract: DataContract;
  readonly path: string;
}

export interface ContractsIn {
  /** The contracts without errors, by the source that names them. */
  readonly bySource: Readonly<Record<string, NamedContract>>;
  /** The errors of each contract file, once even if several sources name it. */
  readonly issues: readonly Issue[];
}

export function contractsIn(
  document: SourceDocument,
  files: LifecycleSource['files'],
): ContractsIn {
  const named = sourceNames(document).flatMap((source) => {
    const path = pathAt(document, contractAt(source));
    const text = path !== undefined && Object.hasOwn(files, path) ? files[path] : undefined;
    // A missing or unreadable file is reported where it is named.
    return path === undefined || text === undefined || textProblem(text) !== null
      ? []
      : [{ source, path, text }];
  });
  const byPath = new Map(
    named.map(({ path, text }) => [path, readContract(yamlDocument(text, path))]),
  );
  const bySource = named.flatMap(({ source, path }): [string, NamedContract][] => {
    const read = byPath.get(path);
    return read?.ok === true ? [[source, { contract: read.value, path }]] : [];
  });
  return {
    bySource: Object.fromEntries(bySource),
    issues: [...byPath.values()].flatMap((read) => (read.ok ? [] : read.issues)),
  };
}

/** Earlier documents had one contract for all sources at `spec.data.contract`. */
function movedContractIssues(document: SourceDocument): readonly Issue[] {
  const path = ['spec', 'data', 'contract'];
  const written = valueAt(document.value, path);
  if (written === undefined) return [];
  const [source, ...others] = sourceNames(document);
  const place =
    source === undefined || others.length > 0
      ? `${formatPath(sourcesAt)}.<source>`
      : formatPath([...sourcesAt, source]);
  const file = typeof written === 'string' ? written : 'contracts/<source>.yaml';
  return [
    document.issueAt(
      path,
      `${formatPath(path)} is not supported: each source has its own contract`,
      {
        expected: `contract: ${file} under ${place}`,
      },
    ),
  ];
}

function relativeIssues(
  { value, issueAt }: SourceDocument,
  folder: string | undefined,
): readonly Issue[] {
  const sources = valueAt(value, ['spec', 'data', 'sources']);
  if (folder !== undefined || !isMap(sources)) return [];
  return Object.keys(sources).flatMap((name) => {
    const path = ['spec', 'data', 'sources', name, 'uri'];
    const uri = valueAt(value, path);
    if (typeof uri !== 'string' || !isRelativeUri(uri)) return [];
    return [
      issueAt(path, `${formatPath(path)} is relative, but the folder of the lifecycle is unknown`, {
        expected: 'file:///absolute/path',
      }),
    ];
  });
}

const kinds = ['ModelLifecycle', 'LlmLifecycle'] as const satisfies readonly LifecycleKind[];

/** The schema of one kind does not know the other kinds. */
function kindIssues({ value, issueAt }: SourceDocument): readonly Issue[] {
  const kind = valueAt(value, ['kind']);
  if (typeof kind !== 'string' || kind === 'ModelLifecycle') return [];
  const known = {
    expected: `one of ${kinds.join(', ')}`,
    didYouMean: nearest(kind, kinds) ?? undefined,
  };
  return [
    otherKinds.includes(kind)
      ? issueAt(['kind'], `${kind} is not a lifecycle`, { expected: known.expected })
      : issueAt(['kind'], `kind cannot be "${kind}"`, known),
  ];
}

/** Kinds of other documents: no spelling suggestion is made for these. */
const otherKinds: readonly string[] = ['Dataset', 'Prompt', 'Policy', 'Platform'];

/** Sorted by line, with the first issue of each place. */
function refuseLifecycle(found: readonly Issue[]): ParsedLifecycle {
  const seen = new Set<string>();
  const issues = found
    .filter(({ file, pointer, line, detail }) => {
      const place =
        pointer === '' ? `${file ?? ''}:${line ?? 0}:${detail}` : `${file ?? ''}#${pointer}`;
      return !seen.has(place) && seen.add(place);
    })
    .sort((a, b) =>
      a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0) : 0,
    );
  if (issues.length <= maxIssues) return { ok: false, issues };
  return {
    ok: false,
    issues: [
      ...issues.slice(0, maxIssues),
      { pointer: '', detail: `and ${issues.length - maxIssues} more` },
    ],
  };
}

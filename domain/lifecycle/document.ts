import type { Digest } from '../dataset/artifact';
import type { DataContract } from '../dataset/contract';
import { readContract } from '../dataset/contract-document';
import type { WrittenDocument } from '../document/document';
import { objectDocument } from '../document/document';
import { isMap, nameOf, valueAt, valueAtPointer } from '../document/path';
import type { Issue } from '../failure';
import { pathField } from '../document/field.schema';
import type { LifecycleKind, LifecycleSpec, SourceSpec } from './lifecycle';
import { contradictions } from './checks';
import { lifecycleSchema } from './lifecycle.schema';
import { namedByLlmLifecycle, readLlmLifecycle } from '../language/lifecycle/document';
import { specOf } from './spec';
import { eachOnce, namedFileIssues, textProblem, type NamedPath } from './named-files';
import { nearest } from '../document/nearest';
import { readBy } from '../document/schema-issues.schema';
import { absoluteUri, isRelativeUri } from '../dataset/source-uri';
import { yamlDocument } from '../document/yaml-document.schema';

export interface LifecycleSource {
  /**
   * The text of the file, or the same as an object: from a JSON body, or from `defineLifecycle`.
   */
  readonly document: unknown;
  /** For messages. */
  readonly fileName: string;
  /** Path → text of the files beside the lifecycle; those that it does not name are left aside. */
  readonly files: Readonly<Record<string, string>>;
  /**
   * Absolute folder of the lifecycle, against which `file://./x` is resolved; without one such a
   * source is refused.
   */
  readonly folder?: string;
}

export type ParsedLifecycle =
  | {
      readonly ok: true;
      readonly spec: LifecycleSpec;
      readonly contract: DataContract | null;
      /** The files that the spec names, and no others. */
      readonly paths: readonly string[];
    }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Issues beyond this many are the same few mistakes again. */
const maxIssues = 100;

/**
 * The one check of a lifecycle, for the command line and the API alike: what it says, and the files
 * that it names. Lists all mistakes at once.
 */
export function parseLifecycle(input: LifecycleSource): ParsedLifecycle {
  return parsed(openLifecycle(input), input);
}

function parsed(document: WrittenDocument, input: LifecycleSource): ParsedLifecycle {
  if (!isMap(document.value)) {
    return refused(
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
  return document.value.kind === ('LlmLifecycle' satisfies LifecycleKind)
    ? llmParsed(document, input)
    : modelParsed(document, input);
}

/**
 * Mistakes beside those of YAML's syntax. Only of single values before the first of those, and of
 * other files: what comes later may have been read as something else than was meant.
 */
function readableIssues({ readable }: WrittenDocument, input: LifecycleSource): readonly Issue[] {
  if (readable === undefined || !isMap(readable.value)) return [];
  const { value, issueAt, brokenLine } = readable;
  const rest = parsed({ value, issueAt, issues: [] }, input);
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

function llmParsed(document: WrittenDocument, { files, folder }: LifecycleSource): ParsedLifecycle {
  const read = readLlmLifecycle(document, files);
  const relative = relativeIssues(document, folder);
  if (!read.ok || relative.length > 0)
    return refused([...(read.ok ? [] : read.issues), ...relative]);
  const { data } = read.value;
  const spec = {
    ...read.value,
    data: data && { ...data, sources: absolute(data.sources, folder) },
  };
  return {
    ok: true,
    spec,
    contract: null,
    paths: namedByLlmLifecycle(document).map(({ path }) => path),
  };
}

function absolute(sources: readonly SourceSpec[], folder = '/'): readonly SourceSpec[] {
  return sources.map((source) => ({ ...source, uri: absoluteUri(source.uri, folder) }));
}

function modelParsed(document: WrittenDocument, input: LifecycleSource): ParsedLifecycle {
  const read = readBy(lifecycleSchema, document);
  const contract = contractIn(document, input);
  const issues = [
    ...document.issues,
    ...kindIssues(document),
    ...(read.ok ? [] : read.issues),
    ...contradictions(document),
    ...relativeIssues(document, input.folder),
    ...namedFileIssues(document, namedPaths(document), input.files),
    ...(contract.ok ? [] : contract.issues),
  ];
  if (issues.length > 0 || !read.ok || !contract.ok) return refused(issues);
  const spec = specOf(read.value);
  return {
    ok: true,
    spec: { ...spec, data: { ...spec.data, sources: absolute(spec.data.sources, input.folder) } },
    contract: contract.value,
    paths: namedPaths(document).map(({ path }) => path),
  };
}

/** What a revision's digest is over: canonical JSON of this. */
export function revisionDigestInput(
  spec: LifecycleSpec,
  fileDigests: Readonly<Record<string, Digest>>,
): unknown {
  return { spec, files: fileDigests };
}

export function openLifecycle({ document, fileName }: LifecycleSource): WrittenDocument {
  return typeof document === 'string'
    ? yamlDocument(document, fileName)
    : objectDocument(document, fileName);
}

const contractAt = ['spec', 'data', 'contract'];

function namedPaths({ value }: WrittenDocument): readonly NamedPath[] {
  const places = [['spec', 'data', 'assemble'], ['spec', 'data', 'features'], contractAt];
  return eachOnce(
    places.flatMap((at) => {
      const path = pathField('').safeParse(valueAt(value, at));
      return path.success ? [{ path: path.data, at }] : [];
    }),
  );
}

type ContractIn =
  | { readonly ok: true; readonly value: DataContract | null }
  | { readonly ok: false; readonly issues: readonly Issue[] };

export function contractIn(
  document: WrittenDocument,
  { files }: Pick<LifecycleSource, 'files'>,
): ContractIn {
  const path = namedPaths(document).find(({ at }) => at === contractAt)?.path;
  const text = path !== undefined && Object.hasOwn(files, path) ? files[path] : undefined;
  // What is wrong with the file as a file is said once, where it is named.
  if (path === undefined || text === undefined || textProblem(text) !== null)
    return { ok: true, value: null };
  const written = yamlDocument(text, path);
  const read = readContract(written);
  if (!read.ok) return read;
  const sources = valueAt(document.value, ['spec', 'data', 'sources']);
  const names = isMap(sources) ? Object.keys(sources) : [];
  const { dataset } = read.value;
  if (names.includes(dataset) || names.length === 0) return read;
  const didYouMean = nearest(dataset, names) ?? undefined;
  return {
    ok: false,
    issues: [
      written.issueAt(['dataset'], `dataset ${dataset} is not a source of the lifecycle`, {
        expected: `one of ${names.join(', ')}`,
        didYouMean,
      }),
    ],
  };
}

function relativeIssues(
  { value, issueAt }: WrittenDocument,
  folder: string | undefined,
): readonly Issue[] {
  const sources = valueAt(value, ['spec', 'data', 'sources']);
  if (folder !== undefined || !isMap(sources)) return [];
  return Object.keys(sources).flatMap((name) => {
    const path = ['spec', 'data', 'sources', name, 'uri'];
    const uri = valueAt(value, path);
    if (typeof uri !== 'string' || !isRelativeUri(uri)) return [];
    return [
      issueAt(path, `${nameOf(path)} is relative, and there is no folder to look in`, {
        expected: 'file:///absolute/path',
      }),
    ];
  });
}

const kinds = ['ModelLifecycle', 'LlmLifecycle'] as const satisfies readonly LifecycleKind[];

/** What the schema of one kind cannot say: that there are others. */
function kindIssues({ value, issueAt }: WrittenDocument): readonly Issue[] {
  const kind = valueAt(value, ['kind']);
  if (typeof kind !== 'string' || kind === 'ModelLifecycle') return [];
  const known = {
    expected: `one of ${kinds.join(', ')}`,
    didYouMean: nearest(kind, kinds) ?? undefined,
  };
  return [
    otherKinds.includes(kind)
      ? issueAt(['kind'], `${kind} is no lifecycle`, { expected: known.expected })
      : issueAt(['kind'], `kind cannot be "${kind}"`, known),
  ];
}

/** Kinds of other documents, so that one at the wrong place is not taken for a slip of the pen. */
const otherKinds: readonly string[] = ['Dataset', 'Prompt', 'Policy', 'Platform'];

/** In order of the lines; one issue a place, the first found. */
function refused(found: readonly Issue[]): ParsedLifecycle {
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

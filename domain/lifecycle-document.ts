import type { Digest } from './artifact';
import type { DataContract } from './contract';
import { readContract } from './contract-document';
import type { WrittenDocument } from './document';
import { documentLimits, objectDocument } from './document';
import type { DocumentPath } from './document-path';
import { isMap, nameOf, valueAt } from './document-path';
import type { Issue } from './failure';
import { pathField } from './field.schema';
import type { ModelLifecycleSpec } from './lifecycle';
import { contradictions } from './lifecycle-checks';
import { lifecycleSchema } from './lifecycle.schema';
import { specOf } from './lifecycle-spec';
import { nearest } from './nearest';
import { readBy } from './schema-issues.schema';
import { absoluteUri, isRelativeUri } from './source-uri';
import { yamlDocument } from './yaml-document.schema';

/** A lifecycle as it was written: a text, or a value from a JSON body or `defineLifecycle`. */
export type WrittenLifecycle =
  { readonly text: string; readonly fileName: string } | { readonly document: unknown; readonly fileName: string };

export type LifecycleInput = WrittenLifecycle & {
  /** Path → text of every file that the lifecycle names. */
  readonly files: Readonly<Record<string, string>>;
  /** Path → why a named file could not be read. */
  readonly unreadable?: Readonly<Record<string, string>>;
  /** Absolute folder of the lifecycle, against which `file://./x` is resolved; without one such a source is refused. */
  readonly folder?: string;
};

export type ParsedLifecycle =
  | {
      readonly ok: true;
      readonly spec: ModelLifecycleSpec;
      readonly contract: DataContract | null;
      /** The files that the spec names, and no others. */
      readonly paths: readonly string[];
      /** The lifecycle as a text that means the same anywhere: its `file://` sources are absolute. Lines are where they were. */
      readonly text: string;
    }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Issues beyond this many are the same few mistakes again. */
const maxIssues = 100;

/** The one check of a lifecycle, for the command line and the API alike: the text, what it says, and the files that it names. */
export function parseLifecycle(input: LifecycleInput): ParsedLifecycle {
  const document = open(input);
  if (!isMap(document.value)) {
    return refused(
      document.issues.length > 0
        ? document.issues
        : [document.issueAt([], `${input.fileName} must be a map with apiVersion, kind, metadata and spec`)],
    );
  }
  const read = readBy(lifecycleSchema, document);
  const contract = contractIn(document, input);
  const issues = [
    ...document.issues,
    ...(read.ok ? [] : read.issues),
    ...contradictions(document),
    ...relativeIssues(document, input.folder),
    ...missingFiles(document, input),
    ...(contract.ok ? [] : contract.issues),
  ];
  // With a mistake in a path, its file would seem to be one too many.
  if (issues.length === 0) issues.push(...strayFiles(document, input));
  if (issues.length > 0 || !read.ok || !contract.ok) return refused(issues);
  const text = absoluteText(document, input);
  const spec = specOf(read.value);
  const sources = spec.data.sources.map((source) => ({ ...source, uri: absoluteUri(source.uri, input.folder ?? '/') }));
  return {
    ok: true,
    spec: { ...spec, data: { ...spec.data, sources } },
    contract: contract.value,
    paths: namedPaths(document).map(({ path }) => path),
    text,
  };
}

/** Reads the files that a lifecycle names, then checks all of it. The reader answers for the folder: it must not follow a link out of it. */
export async function loadLifecycle(
  written: WrittenLifecycle & { readonly folder: string },
  readFile: (path: string, maxBytes: number) => Promise<FileRead>,
): Promise<ParsedLifecycle & { readonly files: Readonly<Record<string, string>> }> {
  const files: Record<string, string> = {};
  const unreadable: Record<string, string> = {};
  for (const { path } of namedPaths(open(written))) {
    const read = await readFile(path, documentLimits.bytes);
    if (read.kind === 'text') files[path] = read.text;
    else unreadable[path] = read.reason;
  }
  return { ...parseLifecycle({ ...written, files, unreadable }), files };
}

/** `reason` continues a sentence that begins with the path: `is not there`, `is larger than 1 MiB`, `leaves the folder`. */
export type FileRead = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'unreadable'; readonly reason: string };

/** The paths that a lifecycle names, in order, each once; also of a lifecycle with mistakes elsewhere. */
export function lifecyclePaths(written: WrittenLifecycle): readonly string[] {
  return namedPaths(open(written)).map(({ path }) => path);
}

/** What a revision's digest is over: canonical JSON of this. */
export function revisionDigestInput(spec: ModelLifecycleSpec, fileDigests: Readonly<Record<string, Digest>>): unknown {
  return { spec, files: fileDigests };
}

function open(written: WrittenLifecycle): WrittenDocument {
  return 'text' in written ? yamlDocument(written.text, written.fileName) : objectDocument(written.document, written.fileName);
}

const contractAt = ['spec', 'data', 'contract'];

function namedPaths({ value }: WrittenDocument): readonly { readonly path: string; readonly at: DocumentPath }[] {
  const places = [['spec', 'data', 'assemble'], ['spec', 'data', 'features'], contractAt];
  const named = places.flatMap((at) => {
    const path = pathField('').safeParse(valueAt(value, at));
    return path.success ? [{ path: path.data, at }] : [];
  });
  return named.filter(({ path }, index) => named.findIndex((other) => other.path === path) === index);
}

function missingFiles(document: WrittenDocument, { files, unreadable = {} }: LifecycleInput): readonly Issue[] {
  return namedPaths(document).flatMap(({ path, at }): readonly Issue[] => {
    const text = Object.hasOwn(files, path) ? files[path] : undefined;
    const problem = text === undefined ? (unreadable[path] ?? 'is not there') : textProblem(text);
    return problem === null ? [] : [document.issueAt(at, `${nameOf(at)} names ${path}, which ${problem}`)];
  });
}

function strayFiles(document: WrittenDocument, { files }: LifecycleInput): readonly Issue[] {
  const paths = namedPaths(document).map(({ path }) => path);
  return Object.keys(files)
    .filter((path) => !paths.includes(path))
    .map((path) => document.issueAt([], `the file ${path} is sent along, and the lifecycle does not name it`));
}

function textProblem(text: string): string | null {
  if (text.trim() === '') return 'is empty';
  if (text.includes('\0')) return 'is not a text file';
  return new TextEncoder().encode(text).length > documentLimits.bytes ? 'is larger than 1 MiB' : null;
}

type ContractIn = { readonly ok: true; readonly value: DataContract | null } | { readonly ok: false; readonly issues: readonly Issue[] };

function contractIn(document: WrittenDocument, { files }: LifecycleInput): ContractIn {
  const path = namedPaths(document).find(({ at }) => at === contractAt)?.path;
  const text = path !== undefined && Object.hasOwn(files, path) ? files[path] : undefined;
  // What is wrong with the file as a file is said once, where it is named.
  if (path === undefined || text === undefined || textProblem(text) !== null) return { ok: true, value: null };
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

function relativeSources({ value }: WrittenDocument): readonly { readonly path: DocumentPath; readonly uri: string }[] {
  const sources = valueAt(value, ['spec', 'data', 'sources']);
  if (!isMap(sources)) return [];
  return Object.keys(sources).flatMap((name) => {
    const path = ['spec', 'data', 'sources', name, 'uri'];
    const uri = valueAt(value, path);
    return typeof uri === 'string' && isRelativeUri(uri) ? [{ path, uri }] : [];
  });
}

function relativeIssues(document: WrittenDocument, folder: string | undefined): readonly Issue[] {
  if (folder !== undefined) return [];
  return relativeSources(document).map(({ path }) =>
    document.issueAt(path, `${nameOf(path)} is relative, and there is no folder to look in`, { expected: 'file:///absolute/path' }),
  );
}

function absoluteText(document: WrittenDocument, input: LifecycleInput): string {
  const { folder = '/' } = input;
  const relative = relativeSources(document);
  if (!('text' in input)) {
    const copy = structuredClone(input.document);
    for (const { path, uri } of relative) (valueAt(copy, path.slice(0, -1)) as { uri: string }).uri = absoluteUri(uri, folder);
    return `${JSON.stringify(copy, null, 2)}\n`;
  }
  const edits = relative.flatMap(({ path, uri }) => {
    const range = document.rangeAt(path);
    return range === null ? [] : [{ range, uri: JSON.stringify(absoluteUri(uri, folder)) }];
  });
  // One place may stand for two sources by an alias. From the end, so that earlier offsets stay right.
  return edits
    .filter(({ range }, index) => edits.findIndex((other) => other.range[0] === range[0]) === index)
    .sort((a, b) => b.range[0] - a.range[0])
    .reduce((text, { range: [start, end], uri }) => `${text.slice(0, start)}${uri}${text.slice(end)}`, input.text);
}

/** In order of the lines; one issue a place, the first found. */
function refused(found: readonly Issue[]): ParsedLifecycle {
  const seen = new Set<string>();
  const issues = found
    .filter(({ file, pointer, line, detail }) => {
      const place = pointer === '' ? `${file ?? ''}:${line ?? 0}:${detail}` : `${file ?? ''}#${pointer}`;
      return !seen.has(place) && seen.add(place);
    })
    .sort((a, b) => (a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0) : 0));
  if (issues.length <= maxIssues) return { ok: false, issues };
  return { ok: false, issues: [...issues.slice(0, maxIssues), { pointer: '', detail: `and ${issues.length - maxIssues} more` }] };
}

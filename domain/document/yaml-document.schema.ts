import type { Document } from 'yaml';
import { LineCounter, parseAllDocuments } from 'yaml';
import { count } from '../format';
import type { IssueAt, IssueHints, SourceLocations, SourceDocument } from './document';
import { documentLimits, toIssue } from './document';
import type { DocumentPath } from './path';
import { toJsonPointer } from './path';
import type { Issue } from '../failure';
import type { YamlValue, PlaceOf } from './yaml-value.schema';
import { convert } from './yaml-value.schema';

/**
 * YAML 1.2 core text → plain JSON value with the places of its parts. The library's own conversion
 * takes quadratic time on many keys or anchors, expands aliases and returns values outside JSON.
 */
export function yamlDocument(text: string, fileName: string): SourceDocument {
  const lines = new LineCounter();
  const findPlace: PlaceOf = (offset) => {
    const { line, col } = lines.linePos(offset);
    return { file: fileName, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const refuseDocument = (issues: readonly Issue[]): SourceDocument => ({
    value: undefined,
    issues,
    issueAt: (path, detail, hints) => toIssue(path, detail, { file: fileName }, hints),
  });

  if (new TextEncoder().encode(text).length > documentLimits.bytes) {
    return refuseDocument([
      toIssue([], `${fileName} is larger than ${documentLimits.bytes >> 20} MiB`, {
        file: fileName,
      }),
    ]);
  }
  const signs = countSigns(text);
  if (signs > documentLimits.values) {
    const max = count(documentLimits.values);
    return refuseDocument([
      toIssue([], `${fileName} has more than ${max} lines, commas and other YAML characters`, {
        file: fileName,
      }),
    ]);
  }
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    resolveKnownTags: false,
    schema: 'core',
  });
  const [first, second] = Array.isArray(documents) ? documents : [];
  if (first?.contents === undefined || first.contents === null) {
    return refuseDocument(
      first && first.errors.length > 0
        ? syntaxIssues(first, findPlace)
        : [toIssue([], `${fileName} is empty`, { file: fileName })],
    );
  }
  if (second !== undefined) {
    return refuseDocument([
      toIssue(
        [],
        'a second document begins here; one file holds one document',
        findPlace(second.range[0]),
      ),
    ]);
  }
  const broken = syntaxIssues(first, findPlace);
  const tooDeep = first.errors.some(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (tooDeep) return refuseDocument(broken);
  const { value, issues, issueAt, places } = placeIssues(
    convert(first.contents, findPlace),
    findPlace,
  );
  if (broken.length === 0) return { value, issues, issueAt, places };
  const brokenLine = Math.min(...broken.map(({ line }) => line ?? 1));
  return {
    ...refuseDocument(broken),
    readable: { value, issueAt, places, firstErrorLine: brokenLine },
  };
}

/** A converted text whose issues have places. */
function placeIssues(
  { value, issues, keys, values }: YamlValue,
  placeOf: PlaceOf,
): SourceDocument & { readonly places: () => SourceLocations } {
  const issueAt = (path: DocumentPath, detail: string, hints?: IssueHints): Issue => {
    // A missing key is reported at the start of its map.
    const pointers = path.map((_, depth) => toJsonPointer(path.slice(0, path.length - depth)));
    const offset =
      pointers
        .map((pointer) => keys.get(pointer) ?? values.get(pointer))
        .find((place) => place !== undefined) ??
      values.get('') ??
      0;
    return toIssue(path, detail, placeOf(offset), hints);
  };
  const places = (): SourceLocations =>
    Object.fromEntries(
      [...new Set([...keys.keys(), ...values.keys()])].slice(0, maxPlaces).map((pointer) => {
        const { line, column } = placeOf(keys.get(pointer) ?? values.get(pointer) ?? 0);
        return [pointer, { line, column }];
      }),
    );
  return { value, issues, issueAt, places };
}

/** With more places than this, an issue gets the place of the nearest key above it. */
const maxPlaces = 2_000;

/** The parser takes about 30 µs for each of these characters, so 1 MB of them takes 16 s. */
function countSigns(text: string): number {
  let signs = 0;
  for (let at = 0; at < text.length; at += 1) if (yamlSigns.has(text.charCodeAt(at))) signs += 1;
  return signs;
}

const yamlSigns: ReadonlySet<number> = new Set(
  Array.from('\n,:-?&*!|>%#{}[]"\'', (sign) => sign.charCodeAt(0)),
);

/** Makes issues about a document that was parsed in another thread. */
export function issuesAtPlaces(places: SourceLocations, fileName: string): IssueAt {
  return (path, detail, hints) => {
    const pointers = [
      ...path.map((_, depth) => toJsonPointer(path.slice(0, path.length - depth))),
      '',
    ];
    const pointer = pointers.find((each) => Object.hasOwn(places, each));
    return toIssue(
      path,
      detail,
      { file: fileName, ...(pointer !== undefined && places[pointer]) },
      hints,
    );
  };
}

function syntaxIssues(document: Document.Parsed, placeOf: PlaceOf): readonly Issue[] {
  const { explicit, version } = document.directives.yaml;
  const said: { readonly code: string; readonly message: string; readonly offset: number }[] = [
    ...document.errors,
    ...document.warnings,
  ].map(({ code, message, pos }) => ({ code, message, offset: pos[0] }));
  if (explicit === true && version !== '1.2')
    said.push({
      code: 'VERSION',
      message: `YAML ${version} is not supported, because it reads yes and no as booleans; use YAML 1.2`,
      offset: 0,
    });
  // One deep nesting causes hundreds of equal errors.
  const tooDeep = said.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (tooDeep)
    return [
      toIssue([], `nested deeper than ${documentLimits.depth} levels`, placeOf(tooDeep.offset)),
    ];
  // One error often causes more in the same line.
  const lines = new Set<number>();
  return said
    .sort((a, b) => a.offset - b.offset)
    .filter(({ offset }) => !lines.has(placeOf(offset).line) && lines.add(placeOf(offset).line))
    .slice(0, 20)
    .map(({ code, message, offset }) =>
      toIssue(
        [],
        code === 'VERSION' ? message : (plainWords[code] ?? `not valid YAML: ${message}`),
        placeOf(offset),
      ),
    );
}

const plainWords: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'this line is indented with a tab; YAML needs spaces',
  BAD_INDENT: 'this line is indented differently from the lines it belongs to',
  BLOCK_AS_IMPLICIT_KEY: 'two colons in one line; put the text in quotes',
};

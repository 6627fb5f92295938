import type { SourceDocument } from '../document/document';
import { documentLimits } from '../document/document';
import type { DocumentPath } from '../document/path';
import { formatPath } from '../document/path';
import type { Issue } from '../failure';
import { nearest } from '../document/nearest';

/** A file that a document names, and the place of the name. */
export interface NamedPath {
  readonly path: string;
  readonly at: DocumentPath;
}

/** Named files that are missing or are not text. Each file is reported once, at its first place. */
export function namedFileIssues(
  { issueAt }: Pick<SourceDocument, 'issueAt'>,
  named: readonly NamedPath[],
  files: Readonly<Record<string, string>>,
): readonly Issue[] {
  return uniquePaths(named).flatMap(({ path, at }): readonly Issue[] => {
    if (!Object.hasOwn(files, path)) {
      const didYouMean = nearest(path, Object.keys(files)) ?? undefined;
      return [issueAt(at, `${formatPath(at)}: there is no file ${path}`, { didYouMean })];
    }
    const problem = textProblem(files[path] ?? '');
    return problem === null ? [] : [issueAt(at, `${formatPath(at)}: the file ${path} ${problem}`)];
  });
}

export function uniquePaths(named: readonly NamedPath[]): readonly NamedPath[] {
  return named.filter(
    ({ path }, index) => named.findIndex((other) => other.path === path) === index,
  );
}

export function textProblem(text: string): string | null {
  if (text.trim() === '') return 'is empty';
  if (text.includes('\0')) return 'is not a text file';
  return new TextEncoder().encode(text).length > documentLimits.bytes
    ? 'is larger than 1 MiB'
    : null;
}

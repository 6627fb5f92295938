import { realpath } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isBelow } from '../../data/sources/file';
import type { IssueAt } from '../../domain/document';
import { formatIssue } from '../../domain/issue-text';
import type { LifecycleSpec } from '../../domain/lifecycle';
import { schemeOf } from '../../domain/source-uri';

/**
 * What a run's ingestion would refuse: files outside of the folders that sources may read, as this process is told of them. Warnings and no refusals: workers read on their own machine, with
 * their own setting. Nothing is said of a file that is not there: it may come.
 */
export async function sourceWarnings(
  fileRoots: readonly string[],
  { spec, issueAt }: { readonly spec: LifecycleSpec; readonly issueAt: IssueAt },
): Promise<readonly string[]> {
  const roots = [...fileRoots, ...(await Promise.all(fileRoots.map(realOrGiven)))];
  const told = (spec.data?.sources ?? []).map(async ({ name, uri }) => {
    const path = schemeOf(uri) === 'file' ? pathOf(uri) : null;
    if (path === null) return [];
    const real = await realOrGiven(path);
    if (roots.some((root) => isBelow(real, root))) return [];
    const detail = 'the file is outside of the folders that sources may read where the API runs';
    const expected = `a file below ${fileRoots.join(' or ')}, or its folder in PERENNIAL_INGEST_ROOTS`;
    return [formatIssue(issueAt(['spec', 'data', 'sources', name, 'uri'], detail, { expected }))];
  });
  return (await Promise.all(told)).flat();
}

/** Links are followed as ingestion does, where there is something here to follow. */
function realOrGiven(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

function pathOf(uri: string): string | null {
  try {
    return fileURLToPath(uri);
  } catch {
    // Not a path on this machine: the run says so.
    return null;
  }
}

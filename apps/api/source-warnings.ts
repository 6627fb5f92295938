import { fileURLToPath } from 'node:url';
import { fileRefusal, realOrGiven, type FileAccess } from '../../data/sources/file-access';
import type { IssueAt } from '../../domain/document';
import { formatIssue } from '../../domain/issue-text';
import type { LifecycleSpec } from '../../domain/lifecycle';
import { schemeOf } from '../../domain/source-uri';

/**
 * What a run's ingestion would refuse: files that sources may not read, by this process's settings. Warnings and no
 * refusals: workers read on their own machine, with their own settings. A file that is not there yet may still come.
 */
export async function sourceWarnings(
  files: FileAccess,
  { spec, issueAt }: { readonly spec: LifecycleSpec; readonly issueAt: IssueAt },
): Promise<readonly string[]> {
  const warnings = (spec.data?.sources ?? []).map(async ({ name, uri }) => {
    const path = schemeOf(uri) === 'file' ? pathOf(uri) : null;
    const refusal = path === null ? null : await fileRefusal(await realOrGiven(path), files);
    if (refusal === null) return [];
    const issue = issueAt(['spec', 'data', 'sources', name, 'uri'], `${refusal.detail}, by the settings of the API`);
    return [`${formatIssue(issue)}; ${refusal.next}`];
  });
  return (await Promise.all(warnings)).flat();
}

function pathOf(uri: string): string | null {
  try {
    return fileURLToPath(uri);
  } catch {
    // Not a path on this machine: the run says so.
    return null;
  }
}

import { objectRefusal } from '../../../data/dataset/sources/bucket-access';
import { uriRefusal } from '../../../data/dataset/sources/file-access';
import type { ReadableSources } from '../../../data/dataset/sources/policy';
import type { IssueAt } from '../../../domain/document/document';
import { formatIssue } from '../../../domain/document/issue-text';
import type { LifecycleSpec } from '../../../domain/lifecycle/revision';
import { readScheme } from '../../../domain/dataset/source-uri';

/**
 * Warns of files and objects that the ingestion of a run would refuse, by this process's settings.
 * These are warnings only, because workers read with their own settings. A missing file may still
 * be created before the run.
 */
export async function sourceWarnings(
  reach: ReadableSources,
  { spec, issueAt }: { readonly spec: LifecycleSpec; readonly issueAt: IssueAt },
): Promise<readonly string[]> {
  const warnings = (spec.data?.sources ?? []).map(async ({ name, uri }) => {
    const refusal = await findRefusal(uri, reach);
    if (refusal === null) return [];
    const issue = issueAt(
      ['spec', 'data', 'sources', name, 'uri'],
      `${refusal.detail}, according to the settings of the API`,
    );
    return [`${formatIssue(issue)}; ${refusal.next}`];
  });
  return (await Promise.all(warnings)).flat();
}

async function findRefusal(
  uri: string,
  { files, buckets }: ReadableSources,
): Promise<{ readonly detail: string; readonly next: string } | null> {
  const scheme = readScheme(uri);
  if (scheme === 'file') return uriRefusal(uri, files);
  const [, bucket = '', key = ''] = (scheme === 's3' && /^s3:\/\/([^/]+)\/(.+)$/i.exec(uri)) || [];
  return bucket === '' ? null : objectRefusal(bucket, key, buckets);
}

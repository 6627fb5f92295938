import type { IssueAt } from '../../../domain/document/document';
import type { Issue } from '../../../domain/failure';
import type { CheckedParts } from '../../../domain/lifecycle/parts';

/** Whether the model of the lifecycle has this version. */
export type HasVersion = (version: number) => Promise<boolean>;

/** Refuses a gate against a version that the model does not have, as no run could pass it. */
export async function anchorIssues(
  { anchors }: Pick<CheckedParts, 'anchors'>,
  {
    lifecycle,
    hasVersion,
    issueAt,
  }: { readonly lifecycle: string; readonly hasVersion: HasVersion; readonly issueAt: IssueAt },
): Promise<readonly Issue[]> {
  const issues = anchors.map(async ({ gate, version }): Promise<readonly Issue[]> => {
    if (await hasVersion(version)) return [];
    const expected = `a version from perennial model show ${lifecycle}`;
    const detail = `spec.evaluate.gates[${gate}].against: there is no ${lifecycle}@${version}`;
    return [
      issueAt(['spec', 'evaluate', 'gates', gate, 'against', 'version'], detail, { expected }),
    ];
  });
  return (await Promise.all(issues)).flat();
}

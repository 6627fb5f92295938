import type { Issue } from '../../domain/failure';
import { anchorVersions } from '../../domain/gates/counterpart';
import type { Tenant } from '../../domain/ids';
import type { Registry } from '../../db/registry';
import { invalid, type CheckedRevision } from './lifecycle-revision';

/** @throws InvalidInput when a gate names a version that the model does not have: no run could pass it. */
export async function checkAnchors(
  models: Pick<Registry['models'], 'get'>,
  { tenant, fileName, revision }: { readonly tenant: Tenant; readonly fileName: string; readonly revision: CheckedRevision },
): Promise<void> {
  const { spec, issueAt } = revision;
  if (spec.kind !== 'ModelLifecycle') return;
  const issues: Issue[] = [];
  for (const version of anchorVersions(spec.evaluate.gates)) {
    if ((await models.get({ tenant, model: spec.name, version })) !== null) continue;
    const index = spec.evaluate.gates.findIndex(
      (gate) => 'against' in gate && typeof gate.against === 'object' && gate.against.version === version,
    );
    const path = ['spec', 'evaluate', 'gates', index, 'against', 'version'];
    const expected = `a version from perennial model show ${spec.name}`;
    issues.push(issueAt(path, `spec.evaluate.gates[${index}].against: there is no ${spec.name}@${version}`, { expected }));
  }
  if (issues.length > 0) throw invalid(fileName, issues);
}

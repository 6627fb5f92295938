import type { Digest } from '../../../domain/artifact';
import { parseLifecycle } from '../../../domain/lifecycle/document';
import { changesToApprove } from '../../../domain/lifecycle/judged-data';
import type { ModelLifecycleSpec } from '../../../domain/lifecycle/lifecycle';
import type { PolicyRevision } from '../../../domain/lifecycle/loosenings';
import { lifecycleFiles, lifecycleText } from '../../support/lifecycle-text';

const read = parseLifecycle({
  document: lifecycleText,
  fileName: 'lifecycle.yaml',
  files: lifecycleFiles,
});
if (!read.ok) throw new Error(JSON.stringify(read.issues));
const spec = read.spec as ModelLifecycleSpec;
const files = Object.fromEntries(
  read.paths.map((path): [string, { digest: Digest }] => [path, { digest: `sha256:${path}` }]),
);
const revision = (
  required: number,
  change: Partial<ModelLifecycleSpec['data']> = {},
  changed: readonly string[] = [],
): PolicyRevision => ({
  contracts: read.contracts,
  files: {
    ...files,
    ...Object.fromEntries(changed.map((path) => [path, { digest: `sha256:new-${path}` as const }])),
  },
  spec: {
    ...spec,
    data: { ...spec.data, ...change },
    promote: { approval: { ...spec.promote.approval, required } },
  },
});
const { assemble, features, sources } = spec.data;
const otherSources = sources.map((source) =>
  source.name === 'stock' ? { ...source, name: 'stock', time: 'other_at' } : source,
);
const otherSplit = { by: 'time', tuningDays: 1, confirmDays: 15, holdoutDays: 30 } as const;

describe('with approvals, a change of what the gates judge needs one', () => {
  test.each<[string, PolicyRevision, string]>([
    ['assemble.sql', revision(1, {}, [assemble]), 'spec.data.assemble'],
    ['features.sql', revision(1, {}, [features]), 'spec.data.features'],
    ['a source', revision(1, { sources: otherSources }), 'spec.data.sources.stock'],
    ['the split', revision(1, { split: otherSplit }), 'spec.data.split'],
  ])('%s', (_, after, what) => {
    expect(changesToApprove(revision(1), after).map((each) => each.what)).toEqual([what]);
    expect(changesToApprove(revision(0), after)).toEqual([]);
  });

  test('equal data needs none', () => {
    expect(changesToApprove(revision(2), revision(2))).toEqual([]);
  });

  test('a looser rule is named once', () => {
    const whats = changesToApprove(revision(1), revision(0, {}, [assemble])).map(
      ({ what }) => what,
    );
    expect(whats).toEqual(['spec.promote.approval.required', 'spec.data.assemble']);
  });
});

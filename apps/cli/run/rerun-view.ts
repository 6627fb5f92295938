/** What a rerun changes and does, as text. */
import type { RerunPlanJson, RunJson } from '../../api/run/view';
import { table } from '../terminal';

type ChangeJson = NonNullable<RunJson['rerunOf']>['changes'][number];

/** One line for each change: `num_leaves 15 → 31`. */
export function describeChanges(changes: readonly ChangeJson[]): readonly string[] {
  return changes.map(changeText);
}

function changeText(change: ChangeJson): string {
  switch (change.kind) {
    case 'revision':
      return `revision ${change.before.revision} → ${change.after.revision}`;
    case 'until':
      return `until ${change.before ?? 'none'} → ${change.after ?? 'none'}`;
    case 'param':
      return `${change.name} ${valueText(change.before)} → ${valueText(change.after)}`;
    case 'force':
      return `${change.stage} is forced`;
  }
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'default';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function describeRerunPlan({ revision, rerunOf, stages }: RerunPlanJson): string {
  const rows = stages.map(({ stage, action, because }) => [
    stage,
    actions[action],
    because.join(', '),
  ]);
  return [
    `a rerun of ${rerunOf.run} with revision ${revision} would:`,
    ...describeChanges(rerunOf.changes).map((line) => `  change ${line}`),
    table(['STAGE', 'ACTION', ''], rows),
  ].join('\n');
}

const actions = { runs: 'run', mayRun: 'run again if', reused: 'be reused' } as const;

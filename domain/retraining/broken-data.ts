import type { ContractResult } from '../dataset/contract';
import type { DatasetVersionRef } from '../dataset/dataset';
import { count } from '../format';
import type { BrokenData } from './retraining';

/** What a `validate` stage leaves. */
export interface ValidatedSources {
  readonly datasets: Readonly<Record<string, Pick<DatasetVersionRef, 'dataset' | 'version'>>>;
  readonly contracts: Readonly<Record<string, CheckedContract>>;
}

interface CheckedContract extends Pick<ContractResult, 'verdict'> {
  readonly report: Pick<ContractResult['report'], 'checks'>;
}

/** The beginning of a sentence, such as `flights@3 is broken`. */
export function brokenText({ name, isSuspected }: BrokenData): string {
  return `${name} ${isSuspected ? 'may be' : 'is'} broken`;
}

/** The first source that failed its contract, with the broken rule; null if none failed. */
export function findBrokenData({ datasets, contracts }: ValidatedSources): BrokenData | null {
  for (const [source, { verdict, report }] of Object.entries(contracts)) {
    const dataset = datasets[source];
    if (verdict.kind !== 'failed' || dataset === undefined) continue;
    const broken = verdict.reasons.find(({ outcome }) => (outcome ?? verdict.kind) === 'failed');
    const problem = broken?.message ?? `${source} does not meet its contract`;
    const name = `${dataset.dataset}@${dataset.version}`;
    return { name, problem: [problem, ...worstColumn(report)].join('; ') };
  }
  return null;
}

/** The rule of a column that most rows break. A share of bad rows alone does not name the column. */
function worstColumn({ checks }: CheckedContract['report']): readonly string[] {
  const [worst] = checks
    .filter(({ column, badRows }) => column !== null && badRows > 0)
    .sort((a, b) => b.badRows - a.badRows);
  return worst === undefined
    ? []
    : [`most of them: ${worst.check} of ${worst.column ?? ''} (${count(worst.badRows)} rows)`];
}

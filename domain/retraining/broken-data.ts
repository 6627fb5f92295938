import type { ContractResult } from '../dataset/contract';
import type { DatasetVersionRef } from '../dataset/dataset';
import type { BrokenData } from './retraining';

/** What a `validate` stage leaves. */
export interface ValidatedSources {
  readonly datasets: Readonly<Record<string, Pick<DatasetVersionRef, 'dataset' | 'version'>>>;
  readonly contracts: Readonly<Record<string, Pick<ContractResult, 'verdict'>>>;
}

/** The first source that failed its contract, with the broken rule; null if none failed. */
export function brokenDataOf({ datasets, contracts }: ValidatedSources): BrokenData | null {
  for (const [source, { verdict }] of Object.entries(contracts)) {
    const dataset = datasets[source];
    if (verdict.kind !== 'failed' || dataset === undefined) continue;
    const broken = verdict.reasons.find(({ outcome }) => (outcome ?? verdict.kind) === 'failed');
    const problem = broken?.message ?? `${source} does not meet its contract`;
    return { name: `${dataset.dataset}@${dataset.version}`, problem };
  }
  return null;
}

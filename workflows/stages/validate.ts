import type { ArtifactRef } from '../../domain/artifact';
import type { ContractReport } from '../../domain/contract';
import type { Verdict } from '../../domain/verdict';
import { dataWork } from '../activity-proxies';
import type { Run, StageEnd } from '../stage';
import { runStage } from '../stage';
import type { Ingested } from './ingest';

export interface Validated extends Ingested {
  readonly report: ContractReport | null;
  readonly quarantine: ArtifactRef | null;
}

/** The contract's dataset goes on with its accepted rows; the others pass as they are. */
export async function validate(run: Run, ingested: Ingested): Promise<StageEnd<Validated>> {
  const { contract } = run.plan;
  const dataset = contract === null ? undefined : ingested.datasets[contract.dataset];
  const inputs = { contract, dataset: dataset?.manifest.digest ?? null, ingested: digests(ingested) };
  return runStage<Validated>(run, { name: 'validate', inputs, cached: true }, async (effect) => {
    if (contract === null || dataset === undefined) {
      return { output: { ...ingested, report: null, quarantine: null }, verdict: withoutContract };
    }
    const checked = await dataWork.validateDataset.executeWithOptions(
      { summary: `${dataset.dataset}@${dataset.version} against its contract` },
      [{ ...effect('contract', dataset.dataset), dataset, contract }],
    );
    return {
      output: {
        window: ingested.window,
        datasets: { ...ingested.datasets, [dataset.dataset]: checked.accepted },
        report: checked.report,
        quarantine: checked.quarantine,
      },
      verdict: checked.verdict,
    };
  });
}

const withoutContract: Verdict = {
  kind: 'passed',
  reasons: [{ gate: 'contract', code: 'contract.none', message: 'the lifecycle names no contract' }],
};

function digests(ingested: Ingested): Record<string, string> {
  return Object.fromEntries(Object.entries(ingested.datasets).map(([name, version]) => [name, version.manifest.digest]));
}

import { ApplicationFailure } from '@temporalio/workflow';
import type { ArtifactRef } from '../../../domain/dataset/artifact';
import type { ContractReport, DataContract } from '../../../domain/dataset/contract';
import type { DatasetVersionRef } from '../../../domain/dataset/dataset';
import type { Verdict } from '../../../domain/decision/verdict';
import { dataWork, records } from '../../activity-proxies';
import type { RunPlan, StageEnd } from '../../../domain/run/plan';
import type { EndedStage, ModelRun } from '../stage';
import { effectOf, runStage } from '../stage';
import type { Ingested } from './ingest';

export interface Validated extends Ingested {
  readonly report: ContractReport | null;
  readonly quarantine: ArtifactRef | null;
}

/** The contract's dataset goes on with its accepted rows; the others pass as they are. */
export async function validate(run: ModelRun, ingested: Ingested): Promise<EndedStage<Validated>> {
  const { plan } = run;
  const { contract } = plan;
  const inputs = async () => ({
    contract,
    ingested: Object.fromEntries(
      Object.entries(ingested.datasets).map(([name, version]) => [name, version.manifest.digest]),
    ),
    // What the same rows are compared with may have changed since.
    reference: contract === null ? null : await referenceOf(plan, contract, ingested),
  });
  const validated = await runStage(
    run,
    { name: 'validate', inputs, cached: true },
    async (effect, { reference }): Promise<StageEnd<Validated>> => {
      if (contract === null)
        return {
          output: { ...ingested, report: null, quarantine: null },
          verdict: withoutContract,
        };
      const dataset = datasetOf(ingested, contract);
      const checked = await dataWork.validateDataset.executeWithOptions(
        { summary: `${dataset.dataset}@${dataset.version} against its contract` },
        [{ ...effect('contract', dataset.dataset), dataset, contract, reference }],
      );
      return {
        output: {
          window: ingested.window,
          datasets: { ...ingested.datasets, [contract.dataset]: checked.accepted },
          report: checked.report,
          quarantine: checked.quarantine,
        },
        verdict: checked.verdict,
      };
    },
  );
  if (contract !== null && validated.reusedFrom !== null) {
    // It was approved when it was measured; another version may have been since.
    await records.approveDataset({
      ...effectOf(plan, 'validate')('approve'),
      dataset: datasetOf(validated.output, contract),
    });
  }
  return validated;
}

/**
 * By the name that ingestion gave it: the contract knows the source alone, and another lifecycle
 * may have one of its name.
 */
async function referenceOf(
  { tenant }: RunPlan,
  { dataset: source, distribution }: DataContract,
  { datasets }: Ingested,
): Promise<DatasetVersionRef | null> {
  const dataset = datasets[source]?.dataset;
  return distribution === null || dataset === undefined
    ? null
    : records.readApproved({ tenant, dataset });
}

/**
 * `apply` refuses a contract of a dataset that is no source. Should one come through, nothing was
 * measured (I10).
 */
function datasetOf({ datasets }: Ingested, { dataset }: DataContract): DatasetVersionRef {
  const found = datasets[dataset];
  if (!found)
    throw ApplicationFailure.nonRetryable(
      `the contract is about ${dataset}, which is no source of the lifecycle`,
      'InvalidInput',
    );
  return found;
}

const withoutContract: Verdict = {
  kind: 'passed',
  reasons: [
    { gate: 'contract', code: 'contract.none', message: 'the lifecycle names no contract' },
  ],
};

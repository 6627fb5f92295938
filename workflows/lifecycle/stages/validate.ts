import { ApplicationFailure } from '@temporalio/workflow';
import type { ContractResult, DataContract } from '../../../domain/dataset/contract';
import { contractsVerdict } from '../../../domain/dataset/contracts-verdict';
import type { DataLifecycleSpec, ModelLifecycleSpec } from '../../../domain/lifecycle/lifecycle';
import type { DatasetVersionRef } from '../../../domain/dataset/dataset';
import { dataWork, registryWrites } from '../../activity-proxies';
import type { RunPlan, StageEnd } from '../../../domain/run/plan';
import { allOrNone } from '../../run/all-or-none';
import type { EffectFactory, EndedStage, ModelRun, Run } from '../stage';
import { buildEffect, runStage } from '../stage';
import type { IngestOutput } from './ingest';

export interface ValidateOutput extends IngestOutput {
  /** By source name. A source without a contract is absent. */
  readonly contracts: Readonly<Record<string, ContractResult>>;
}

/** By source name; null when no version is approved, or the contract compares with none. */
type References = Readonly<Record<string, DatasetVersionRef | null>>;

/**
 * Checks each source that has a contract. It continues with its accepted rows; the other sources
 * pass unchanged. All are checked, also when one fails, so that one run shows each violation.
 */
export async function validate(
  run: ModelRun | Run<DataLifecycleSpec>,
  ingested: IngestOutput,
): Promise<EndedStage<ValidateOutput>> {
  const { plan } = run;
  const { contracts } = plan;
  const inputs = async () => ({
    contracts,
    ingested: Object.fromEntries(
      Object.entries(ingested.datasets).map(([name, version]) => [name, version.manifest.digest]),
    ),
    // The references may have changed since the same rows were last checked.
    references: await pinReferences(plan, ingested),
  });
  const validated = await runStage(
    run,
    { name: 'validate', inputs, cached: true },
    (effect, { references }) => validateSources(plan, effect, { ingested, references }),
  );
  if (validated.reusedFrom !== null) {
    // They were approved when they were checked, but other versions may be approved since.
    const effect = buildEffect(plan, 'validate');
    for (const source of Object.keys(contracts))
      await registryWrites.approveDataset({
        ...effect('approve', source),
        dataset: requireDataset(validated.output, source),
      });
  }
  return validated;
}

async function validateSources(
  { contracts, spec }: RunPlan<ModelLifecycleSpec | DataLifecycleSpec>,
  effect: EffectFactory,
  { ingested, references }: { readonly ingested: IngestOutput; readonly references: References },
): Promise<StageEnd<ValidateOutput>> {
  const checked = await allOrNone(
    Object.entries(contracts).map(([source, contract]) => async () => {
      const dataset = requireDataset(ingested, source);
      const reference = references[source] ?? null;
      const end = await dataWork.validateDataset.executeWithOptions(
        { summary: `${dataset.dataset}@${dataset.version} against its contract` },
        [{ ...effect('contract', dataset.dataset), source, dataset, contract, reference }],
      );
      return { source, ...end };
    }),
  );
  const accepted = checked.map(({ source, accepted: rows }) => [source, rows] as const);
  const validated = checked.map(
    ({ source, report, quarantine, verdict }) => [source, { report, quarantine, verdict }] as const,
  );
  return {
    output: {
      window: ingested.window,
      datasets: { ...ingested.datasets, ...Object.fromEntries(accepted) },
      contracts: Object.fromEntries(validated),
    },
    verdict: contractsVerdict(
      (spec.data?.sources ?? []).map(({ name }) => ({
        source: name,
        verdict: checked.find(({ source }) => source === name)?.verdict ?? null,
      })),
    ),
  };
}

async function pinReferences(plan: RunPlan, ingested: IngestOutput): Promise<References> {
  const references = Object.entries(plan.contracts).map(
    async ([source, contract]) =>
      [source, await pinReference(plan, contract, ingested, source)] as const,
  );
  return Object.fromEntries(await Promise.all(references));
}

/** Two lifecycles may have a source of one name, so the reference goes by the dataset. */
async function pinReference(
  { tenant }: RunPlan,
  { distribution }: DataContract,
  { datasets }: IngestOutput,
  source: string,
): Promise<DatasetVersionRef | null> {
  const dataset = datasets[source]?.dataset;
  return distribution === null || dataset === undefined
    ? null
    : registryWrites.readApproved({ tenant, dataset });
}

/** `apply` reads contracts from the sources, so a missing source is unexpected (I10). */
function requireDataset({ datasets }: IngestOutput, source: string): DatasetVersionRef {
  const found = datasets[source];
  if (!found)
    throw ApplicationFailure.nonRetryable(
      `the revision has a contract for ${source}, which is not a source of the lifecycle`,
      'InvalidInput',
    );
  return found;
}

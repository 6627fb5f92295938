import type { Tenant } from '../../../domain/ids';
import { failure } from '../../../domain/failure';
import type { ArtifactStore } from '../../../data/artifact/store';
import type { Registry } from '../../../db/registry';
import type { DecisionRecord } from '../../../db/decision/repository';
import type { LifecycleClient } from '../../temporal-clients/lifecycle-client';
import { contractsToJson } from '../dataset/contract-view';
import { checkDigests } from '../audit/digest-checks';
import { summaryToJson } from '../rollout/view';
import { judgeToJson } from '../rollout/judge-view';
import { approvalToJson } from './view';
import { runToJson } from '../run/view';

export interface ExplainedVersion {
  readonly tenant: Tenant;
  readonly model: string;
  readonly version: number;
}

/**
 * The chain from data to traffic: the run and its inputs, the measurements, the decision with its
 * policy, and who moved the alias.
 */
export async function explainVersion(
  {
    registry,
    lifecycles,
    artifacts,
  }: {
    readonly registry: Registry;
    readonly lifecycles: Pick<LifecycleClient, 'url'>;
    readonly artifacts: Pick<ArtifactStore, 'getBytes'>;
  },
  {
    tenant,
    model,
    version: asked,
  }: Omit<ExplainedVersion, 'version'> & { readonly version: number | undefined },
) {
  const { champion } = await registry.aliases.get({ tenant, model });
  const version = asked ?? champion?.version;
  if (version === undefined)
    throw failure('NotFound', `${model} has no champion to explain`, {
      next: `perennial model show ${model}`,
    });
  const record = await registry.models.get({ tenant, model, version });
  if (!record)
    throw failure('NotFound', `there is no ${model}@${version}`, {
      next: `perennial model show ${model}`,
    });
  const [run, stages, rollout, decisions, approvals, moves, lineage] = await Promise.all([
    registry.runs.get({ tenant, id: record.runId }),
    registry.stages.list({ tenant, runId: record.runId }),
    registry.rollouts.ofRun({ tenant, runId: record.runId }),
    decisionsOn(registry, { tenant, model, version }),
    registry.approvals.ofVersion({ tenant, model, version }),
    registry.aliases.history({ tenant, model, pageSize: 200 }),
    registry.lineage.of({
      tenant,
      node: { kind: 'model', name: model, version },
      direction: 'upstream',
    }),
  ]);
  const chain = await Promise.all(
    decisions.map(async (decision) => ({
      ...decision,
      policyBody: await registry.evidence.get({ tenant, kind: 'policy', digest: decision.policy }),
      evidenceBody: await registry.evidence.get({
        tenant,
        kind: 'evidence',
        digest: decision.evidence,
      }),
    })),
  );
  return {
    model,
    version,
    serves: champion?.version === version,
    record,
    run: run && runToJson(run, lifecycles),
    stages: stages.map(({ stage, output, status, seconds, reusedFrom }) => ({
      name: stage,
      status,
      seconds,
      reusedFrom,
      contracts: contractsToJson({ stage, output }),
    })),
    rollout: rollout && { ...summaryToJson(rollout), judge: await judgeToJson(registry, rollout) },
    decisions: chain,
    approvals: approvals.map(approvalToJson),
    digests: await checkDigests(artifacts, { manifest: record.manifest, decisions: chain }),
    moves: moves.items.filter((move) => move.to === version || move.from === version),
    lineage,
  };
}

/**
 * The decisions of the run and of the stages that it reused, because an evaluation of the same
 * bytes is not repeated.
 */
export async function decisionsOn(
  registry: Pick<Registry, 'models' | 'stages' | 'decisions'>,
  { tenant, model, version }: ExplainedVersion,
): Promise<readonly DecisionRecord[]> {
  const record = await registry.models.get({ tenant, model, version });
  if (!record)
    throw failure('NotFound', `there is no ${model}@${version}`, {
      next: `perennial model show ${model}`,
    });
  const { runId } = record;
  const [own, stages] = await Promise.all([
    registry.decisions.list({ tenant, runId }),
    registry.stages.list({ tenant, runId }),
  ]);
  const ids = stages.flatMap(({ decision }) =>
    decision === null || own.some(({ id }) => id === decision.id) ? [] : [decision.id],
  );
  const takenOver = await Promise.all(ids.map((id) => registry.decisions.get({ tenant, id })));
  return [...takenOver.filter((decision) => decision !== null), ...own];
}

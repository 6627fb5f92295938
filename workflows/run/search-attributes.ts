/**
 * Search attributes, by which runs are found in the Temporal Web UI.
 * `infra/temporal-namespace.ts` registers them.
 */
import {
  defineSearchAttributeKey,
  SearchAttributeType,
  TypedSearchAttributes,
} from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { DatasetVersionRef } from '../../domain/dataset/dataset';
import type { Tenant } from '../../domain/ids';
import type { ModelVersionRef } from '../../domain/model/model';
import { versionName } from '../../domain/model/model';
import type { RunStatus } from '../../domain/run/run';
import type { RolloutStatus } from '../../domain/rollout/rollout';
import type { VerdictKind } from '../../domain/verdict';
import type { RunPlan } from '../../domain/run/plan';

const { KEYWORD, KEYWORD_LIST } = SearchAttributeType;
const keys = {
  model: defineSearchAttributeKey('PerennialModel', KEYWORD),
  lifecycle: defineSearchAttributeKey('PerennialLifecycle', KEYWORD),
  stage: defineSearchAttributeKey('PerennialStage', KEYWORD),
  verdict: defineSearchAttributeKey('PerennialVerdict', KEYWORD),
  tenant: defineSearchAttributeKey('PerennialTenant', KEYWORD),
  status: defineSearchAttributeKey('PerennialStatus', KEYWORD),
  version: defineSearchAttributeKey('PerennialVersion', KEYWORD),
  dataset: defineSearchAttributeKey('PerennialDataset', KEYWORD_LIST),
};

export function describeRun(plan: RunPlan): void {
  upsertSearchAttributes([
    { key: keys.tenant, value: plan.tenant },
    { key: keys.lifecycle, value: plan.lifecycle },
    { key: keys.model, value: plan.lifecycle },
    { key: keys.status, value: 'running' },
  ]);
}

export function describeStage(name: string): void {
  upsertSearchAttributes([{ key: keys.stage, value: name }]);
}

export function describeStatus(status: RunStatus | RolloutStatus): void {
  upsertSearchAttributes([{ key: keys.status, value: status }]);
}

/** Sets the version that the run registered. */
export function describeVersion(version: ModelVersionRef): void {
  upsertSearchAttributes([{ key: keys.version, value: versionName(version) }]);
}

/** Temporal rejects values over 2 KB, and a rejected value fails the workflow task. */
const maxDatasetBytes = 1_500;

/** Sets the dataset versions that the run read, as `name@version`, as many as fit. */
export function describeDatasets(versions: readonly DatasetVersionRef[]): void {
  const names: string[] = [];
  let bytes = 0;
  for (const { dataset, version } of versions) {
    const name = `${dataset}@${version}`;
    bytes += name.length + 3;
    if (bytes > maxDatasetBytes) break;
    names.push(name);
  }
  if (names.length > 0) upsertSearchAttributes([{ key: keys.dataset, value: names }]);
}

export interface EndDescription {
  readonly status: RunStatus;
  readonly verdict: VerdictKind | null;
  readonly version: Pick<ModelVersionRef, 'model' | 'version'> | null;
}

export function describeEnd({ status, verdict, version }: EndDescription): void {
  upsertSearchAttributes([
    { key: keys.status, value: status },
    ...(verdict === null ? [] : [{ key: keys.verdict, value: verdict }]),
    ...(version === null ? [] : [{ key: keys.version, value: versionName(version) }]),
  ]);
}

/** Attributes of a child workflow of a run: its rollout, study, prompt search or index build. */
export function childAttributes({
  tenant,
  model,
}: {
  readonly tenant: Tenant;
  readonly model: string;
}): TypedSearchAttributes {
  return new TypedSearchAttributes([
    { key: keys.tenant, value: tenant },
    { key: keys.lifecycle, value: model },
    { key: keys.model, value: model },
  ]);
}

import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { VerdictKind } from '../domain/verdict';
import type { RunPlan } from './stage';

const { KEYWORD } = SearchAttributeType;
const model = defineSearchAttributeKey('PerennialModel', KEYWORD);
const lifecycle = defineSearchAttributeKey('PerennialLifecycle', KEYWORD);
const stage = defineSearchAttributeKey('PerennialStage', KEYWORD);
const verdict = defineSearchAttributeKey('PerennialVerdict', KEYWORD);
const tenant = defineSearchAttributeKey('PerennialTenant', KEYWORD);

/** Makes a run findable in the Temporal Web UI without opening a payload. */
export function describeRun(plan: RunPlan): void {
  upsertSearchAttributes([
    { key: tenant, value: plan.tenant },
    { key: lifecycle, value: plan.lifecycle },
    { key: model, value: plan.lifecycle },
  ]);
}

export function describeStage(name: string): void {
  upsertSearchAttributes([{ key: stage, value: name }]);
}

export function describeVerdict(kind: VerdictKind): void {
  upsertSearchAttributes([{ key: verdict, value: kind }]);
}

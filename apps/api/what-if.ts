import { decide } from '../../domain/decide';
import type { Evidence } from '../../domain/evidence';
import { failure } from '../../domain/failure';
import { gateSchema } from '../../domain/gate.schema';
import type { Tenant } from '../../domain/ids';
import type { EvaluationPolicy } from '../../domain/policy';
import type { Verdict } from '../../domain/verdict';
import type { Registry } from '../../db/registry';

interface WhatIf {
  readonly tenant: Tenant;
  readonly decision: string;
  readonly gates: readonly Readonly<Record<string, unknown>>[];
}

/** What the same evidence would have said under other gates. Nothing is stored: it decides nothing. */
export async function whatIf(registry: Registry, { tenant, decision: id, gates }: WhatIf): Promise<{ readonly was: Verdict; readonly wouldBe: Verdict }> {
  const decision = await registry.decisions.get({ tenant, id });
  if (!decision) throw failure('NotFound', `no decision ${id}`);
  const policy = (await registry.evidence.get({ tenant, kind: 'policy', digest: decision.policy })) as EvaluationPolicy;
  const evidence = (await registry.evidence.get({ tenant, kind: 'evidence', digest: decision.evidence })) as Evidence;
  return { was: decision.verdict, wouldBe: decide({ ...policy, gates: gates.map(parseGate) }, evidence) };
}

function parseGate(given: Readonly<Record<string, unknown>>, index: number): EvaluationPolicy['gates'][number] {
  const parsed = gateSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => ({ pointer: `/gates/${index}/${issue.path.join('/')}`, detail: issue.message }));
  throw failure('InvalidInput', `gate ${index + 1}: ${issues.map((issue) => `${issue.pointer} ${issue.detail}`).join('; ')}`, { issues });
}

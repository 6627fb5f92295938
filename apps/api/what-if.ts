import { decide, judge, type JudgedGate } from '../../domain/decide';
import type { Evidence } from '../../domain/evidence';
import { failure } from '../../domain/failure';
import type { GateSpec } from '../../domain/lifecycle';
import type { Tenant } from '../../domain/ids';
import type { EvaluationPolicy } from '../../domain/policy';
import type { Verdict } from '../../domain/verdict';
import type { Registry } from '../../db/registry';

interface WhatIf {
  readonly tenant: Tenant;
  readonly decision: string;
  readonly gates: readonly GateSpec[];
}

interface WouldBe {
  readonly was: Verdict;
  readonly wouldBe: Verdict;
  readonly gates: readonly JudgedGate[];
}

/** What the same evidence would have said under other gates. Nothing is stored: it decides nothing. */
export async function whatIf(
  registry: Pick<Registry, 'decisions' | 'evidence'>,
  { tenant, decision: id, gates }: WhatIf,
): Promise<WouldBe> {
  const decision = await registry.decisions.get({ tenant, id });
  if (!decision) throw failure('NotFound', `there is no decision ${id}`, { next: 'perennial model explain <model> names its decisions' });
  const [policy, evidence] = (await Promise.all([
    registry.evidence.get({ tenant, kind: 'policy', digest: decision.policy }),
    registry.evidence.get({ tenant, kind: 'evidence', digest: decision.evidence }),
  ])) as [EvaluationPolicy | null, Evidence | null];
  if (decision.stage !== 'evaluate') {
    throw failure(
      'InvalidInput',
      `decision ${id} was made in ${decision.stage}, not by gates: only decisions of evaluate can be judged by other gates`,
      {
        next: 'perennial model explain <model> names its decisions',
      },
    );
  }
  if (!policy || !evidence) throw failure('NotFound', `the grounds of decision ${id} are gone`);
  const other: EvaluationPolicy = { ...policy, gates, slices: policy.slices ?? slicesIn(evidence) };
  return { was: decision.verdict, wouldBe: decide(other, evidence), gates: judge(other, evidence) };
}

/** Slices are measured also where no gate asked for them: a gate that now does may be judged on them. */
function slicesIn({ counterparts }: Evidence): EvaluationPolicy['slices'] {
  for (const counterpart of [counterparts.champion, counterparts.baseline]) {
    if (counterpart.kind !== 'measured' || counterpart.slices === null) continue;
    const { columns, metric, minRows } = counterpart.slices;
    return { columns, metric, minRows };
  }
  return null;
}

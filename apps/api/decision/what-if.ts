import { z } from 'zod';
import { judge } from '../../../domain/decision/decide';
import { joinGates, type GateDecision } from '../../../domain/decision/gate-decision';
import { objectDocument } from '../../../domain/document/document';
import type { Evidence } from '../../../domain/evaluation/evidence';
import { failure } from '../../../domain/failure';
import { toGateSpec, gateSchema } from '../../../domain/decision/gate.schema';
import type { Tenant } from '../../../domain/ids';
import { formatIssue } from '../../../domain/document/issue-text';
import { llmGateSchema } from '../../../domain/language/evaluation/gate.schema';
import type {
  AnyEvidence,
  AnyPolicy,
  EvaluationPolicy,
  LlmEvaluationPolicy,
} from '../../../domain/decision/policy';
import type { RolloutEvidence } from '../../../domain/rollout/judging/evidence';
import type { RolloutPolicy } from '../../../domain/rollout/policy';
import { parseWithSchema } from '../../../domain/document/schema-issues.schema';
import type { Verdict } from '../../../domain/verdict';
import type { Registry } from '../../../db/registry';
import { rolloutWhatIf, type JudgedRule } from '../rollout/what-if';

interface WhatIf {
  readonly tenant: Tenant;
  readonly decision: string;
  /** Gates of an evaluation, or `canary` of a rollout, as in a lifecycle file. */
  readonly gates?: readonly unknown[] | undefined;
  readonly canary?: unknown;
}

interface WouldBe {
  readonly was: Verdict;
  readonly wouldBe: Verdict;
  readonly gates: readonly (GateDecision | JudgedRule)[];
}

/** Judges the same evidence under other rules. It stores and decides nothing. */
export async function whatIf(
  registry: Pick<Registry, 'decisions' | 'evidence'>,
  { tenant, decision: id, gates, canary }: WhatIf,
): Promise<WouldBe> {
  const next = 'perennial model explain <model> lists its decisions';
  const decision = await registry.decisions.get({ tenant, id });
  if (!decision) throw failure('NotFound', `there is no decision ${id}`, { next });
  const wanted =
    decision.stage === 'evaluate' ? 'gates' : decision.stage === 'canary' ? 'canary' : null;
  if (wanted === null || (wanted === 'gates' ? gates : canary) === undefined) {
    const detail = `decision ${id} was made in ${decision.stage}: ${wanted === null ? 'other rules cannot be applied to it' : `other rules for it must be given as \`${wanted}\``}`;
    throw failure('InvalidInput', detail, { next });
  }
  const [policy, evidence] = (await Promise.all([
    registry.evidence.get({ tenant, kind: 'policy', digest: decision.policy }),
    registry.evidence.get({ tenant, kind: 'evidence', digest: decision.evidence }),
  ])) as [AnyPolicy | RolloutPolicy | null, AnyEvidence | RolloutEvidence | null];
  const was = decision.verdict;
  if (policy?.kind === 'rollout' && evidence?.kind === 'rollout')
    return { was, ...rolloutWhatIf(policy, evidence, canary) };
  if (policy?.kind === 'evaluation' && evidence?.kind === 'evaluation') {
    const other: EvaluationPolicy = {
      ...policy,
      gates: readGates(gateSchema, gates ?? []).map(toGateSpec),
      slices: policy.slices ?? slicesIn(evidence),
    };
    return { was, ...withVerdict(judge(other, evidence)) };
  }
  if (policy?.kind === 'llmEvaluation' && evidence?.kind === 'llmEvaluation') {
    const other: LlmEvaluationPolicy = { ...policy, gates: readGates(llmGateSchema, gates ?? []) };
    return { was, ...withVerdict(judge(other, evidence)) };
  }
  throw failure('NotFound', `the policy or evidence of decision ${id} no longer exists`);
}

function withVerdict(gates: readonly GateDecision[]): Omit<WouldBe, 'was'> {
  return { wouldBe: joinGates(gates), gates };
}

function readGates<Gate extends z.ZodType>(
  gate: Gate,
  gates: readonly unknown[],
): readonly z.output<Gate>[] {
  const read = parseWithSchema(
    z.strictObject({ gates: z.array(gate) }),
    objectDocument({ gates }, 'body'),
  );
  if (read.ok) return read.value.gates;
  throw failure('InvalidInput', read.issues.map(formatIssue).join('; '), { issues: read.issues });
}

/** Slices are also measured if no gate uses them, so that other gates can be judged on them. */
function slicesIn({ counterparts }: Evidence): EvaluationPolicy['slices'] {
  for (const counterpart of [counterparts.champion, counterparts.baseline]) {
    if (counterpart.kind !== 'measured' || counterpart.slices === null) continue;
    const { columns, metric, minRows } = counterpart.slices;
    return { columns, metric, minRows };
  }
  return null;
}

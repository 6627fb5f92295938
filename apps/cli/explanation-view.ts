import { judge } from '../../domain/decide';
import { judgeEvaluation, type LlmEvaluationPolicy } from '../../domain/llm/evaluation/decide-evaluation';
import type { LlmEvidence } from '../../domain/llm/evaluation/evidence';
import { explainLlmEvidence } from '../../domain/llm/evaluation/explain';
import type { Evidence } from '../../domain/evidence';
import { explainEvidence, explainGates, explainReasons, type ReasonLayout } from '../../domain/explain';
import type { EvaluationPolicy } from '../../domain/policy';
import type { PromotionOverride } from '../../domain/promotion';
import type { RolloutEvidence } from '../../domain/rollout/evidence';
import type { RolloutPolicy } from '../../domain/rollout/policy';
import type { Verdict } from '../../domain/verdict';
import { judgeText, type RolloutJudgeJson } from './rollout-judge-view';
import type { RolloutSummaryJson } from './rollout-view';

export interface DecisionJson {
  readonly id: string;
  readonly runId: string;
  readonly stage: string;
  readonly createdAt: string;
  readonly policy: string;
  readonly evidence: string;
  readonly verdict: Verdict;
  readonly policyBody: EvaluationPolicy | LlmEvaluationPolicy | RolloutPolicy | null;
  readonly evidenceBody: Evidence | LlmEvidence | RolloutEvidence | null;
}

export interface MoveJson {
  readonly kind: string;
  readonly from: number | null;
  readonly to: number | null;
  readonly actor: string;
  readonly cause: string;
  /** Absent from a platform that is older than this command. */
  readonly override?: PromotionOverride | null;
  readonly movedAt: string;
}

export interface ApprovalJson {
  readonly vote: 'approve' | 'reject';
  readonly keyId: string;
  readonly keyName: string;
  readonly scope: string;
  readonly comment: string | null;
  readonly createdAt: string;
}

export interface DigestCheckJson {
  readonly what: string;
  readonly digest: string;
  readonly outcome: 'matches' | 'differs' | 'gone' | 'unknown';
  readonly detail: string | null;
}

export interface ExplanationJson {
  readonly model: string;
  readonly version: number;
  readonly serves: boolean;
  readonly record: { readonly status: string; readonly runId: string; readonly manifest: { readonly digest: string } };
  readonly run: {
    readonly actor: string;
    readonly createdAt: string;
    readonly revision: string;
    readonly temporalUrl: string | null;
  } | null;
  readonly rollout?: (RolloutSummaryJson & { readonly judge?: RolloutJudgeJson | null }) | null;
  readonly decisions: readonly DecisionJson[];
  readonly approvals: readonly ApprovalJson[];
  readonly digests: readonly DigestCheckJson[];
  readonly moves: readonly MoveJson[];
  readonly lineage: readonly { readonly from: { readonly kind: string; readonly name: string; readonly version?: number } }[];
}

/** A decision with what each gate said of what was measured, by the same functions that decided it. */
export function describeDecision(
  { id, runId, stage, createdAt, policy, evidence, verdict, policyBody, evidenceBody }: DecisionJson,
  shown: ReasonLayout = {},
): string {
  const judged = judgedBy(policyBody, evidenceBody);
  const gates = judged === null ? explainReasons(verdict, shown) : explainGates(judged, shown);
  return [
    `decision ${id}: ${verdict.kind}, in ${stage} of ${runId} at ${createdAt}`,
    ...groundsOf(evidenceBody).map((line) => `  ${line}`),
    ...gates.map((line) => `  ${line}`),
    `  policy ${policy}`,
    `  evidence ${evidence}`,
  ].join('\n');
}

function judgedBy(policy: DecisionJson['policyBody'], evidence: DecisionJson['evidenceBody']) {
  if (policy?.kind === 'evaluation' && evidence?.kind === 'evaluation') return judge(policy, evidence);
  return policy?.kind === 'llmEvaluation' && evidence?.kind === 'llmEvaluation' ? judgeEvaluation(policy, evidence) : null;
}

function groundsOf(evidence: DecisionJson['evidenceBody']): readonly string[] {
  if (evidence === null) return ['its evidence was deleted'];
  if (evidence.kind === 'evaluation') return explainEvidence(evidence);
  if (evidence.kind === 'llmEvaluation') return explainLlmEvidence(evidence);
  const { challenger, champion, startedAt, asOf, step } = evidence;
  return [`${challenger} beside ${champion} on traffic from ${startedAt} to ${asOf}, decided in step ${step + 1}`];
}

/** The chain from data to traffic. */
export function describeExplanation(explanation: ExplanationJson, shown: ReasonLayout = {}): string {
  const { model, version, serves, record, run, rollout, decisions, approvals, digests, moves, lineage } = explanation;
  const name = (to: number | null): string => (to === null ? 'none' : `@${to}`);
  const sources = [
    ...new Set(lineage.map(({ from }) => `${from.kind}:${from.name}${from.version === undefined ? '' : `@${from.version}`}`)),
  ];
  return [
    `${model}@${version} ${serves ? 'is the champion' : `does not serve (${record.status})`}; digest ${record.manifest.digest}`,
    ...(run === null
      ? []
      : [`made by ${record.runId}, started by ${run.actor} at ${run.createdAt}, revision ${run.revision.slice(0, 19)}`]),
    `from ${sources.length === 0 ? 'no recorded sources' : sources.join(', ')}`,
    ...decisions.map((decision) => describeDecision(decision, shown)),
    ...(rollout
      ? [
          `rollout beside @${rollout.champion} from ${rollout.startedAt}: ${rollout.status}; perennial rollout show ${model} --id ${rollout.id}`,
          ...(rollout.judge ? [`  ${judgeText(rollout.judge)}`] : []),
        ]
      : []),
    ...approvals.map(describeApproval),
    ...describeDigests(digests),
    ...moves.flatMap(({ kind, from, to, actor, cause, override, movedAt }) => [
      `${movedAt}  ${kind} ${name(from)} → ${name(to)} by ${actor}: ${cause}`,
      ...overrideLines(override).map((line) => `  ${line}`),
    ]),
  ].join('\n');
}

function describeApproval({ vote, keyId, keyName, scope, comment, createdAt }: ApprovalJson): string {
  const did = vote === 'approve' ? 'approved' : 'rejected';
  return `${createdAt}  ${did} by ${keyName} (key ${keyId}, ${scope})${comment === null ? '' : `: ${comment}`}`;
}

/** One line when all is well; else a line for each part that does not match. */
function describeDigests(digests: readonly DigestCheckJson[]): readonly string[] {
  const wrong = digests.filter(({ outcome }) => outcome !== 'matches');
  if (wrong.length === 0) return [`manifest, policies and evidence match their digests (${digests.length} checked)`];
  const words = { matches: 'matches', differs: 'DOES NOT MATCH its digest', gone: 'is missing', unknown: 'could not be checked' };
  return wrong.map(({ what, digest, outcome, detail }) => `${what} ${digest} ${words[outcome]}${detail === null ? '' : `: ${detail}`}`);
}

/** Which requirements a promotion by hand did not meet, and why it was made all the same. */
function overrideLines(override: PromotionOverride | null | undefined): readonly string[] {
  if (!override) return [];
  const by = override.selfApproved ? ', by the person who started the run' : '';
  return [`override${by}: ${override.reason}`, ...override.unmet.map(({ detail }) => `  not met: ${detail}`)];
}

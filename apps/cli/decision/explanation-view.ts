import { judge } from '../../../domain/decision/decide';
import {
  explainEvidence,
  explainGates,
  explainReasons,
  type ReasonLayout,
} from '../../../domain/decision/explain';
import type { GateDecision } from '../../../domain/decision/gate-decision';
import type { AnyEvidence, AnyPolicy } from '../../../domain/decision/policy';
import type { RolloutEvidence } from '../../../domain/rollout/judging/evidence';
import type { RolloutPolicy } from '../../../domain/rollout/policy';
import { describeChanges } from '../run/rerun-view';
import { judgeText } from '../rollout/judge-view';
import type { ContractResultsJson } from '../../api/dataset/contract-view';
import type { DecisionView } from '../../api/decision/view';
import type { AliasMoveJson, ApprovalJson, ExplanationView } from '../../api/model/view';

/** The API types policy and evidence as documents; these are the types of this version. */
export type DecisionJson = DecisionView & {
  readonly policyBody: AnyPolicy | RolloutPolicy | null;
  readonly evidenceBody: AnyEvidence | RolloutEvidence | null;
};

export type ExplanationJson = Omit<ExplanationView, 'decisions'> & {
  readonly decisions: readonly DecisionJson[];
};

type DigestCheckJson = ExplanationJson['digests'][number];

/** A decision with its evidence and the result of each gate, by the functions that decided it. */
export function describeDecision(
  {
    id,
    runId,
    stage,
    createdAt,
    policy,
    evidence,
    verdict,
    policyBody,
    evidenceBody,
  }: DecisionJson,
  shown: ReasonLayout = {},
): string {
  const judged = judgedBy(policyBody, evidenceBody);
  const gates = judged === null ? explainReasons(verdict, shown) : explainGates(judged, shown);
  return [
    `decision ${id}: ${verdict.kind}, in ${stage} of ${runId} at ${createdAt}`,
    ...listGrounds(evidenceBody).map((line) => `  ${line}`),
    ...gates.map((line) => `  ${line}`),
    `  policy ${policy}`,
    `  evidence ${evidence}`,
  ].join('\n');
}

/** Null where only the stored reasons can be shown: for a rollout, and without policy or evidence. */
function judgedBy(
  policy: DecisionJson['policyBody'],
  evidence: DecisionJson['evidenceBody'],
): readonly GateDecision[] | null {
  if (policy === null || policy.kind === 'rollout') return null;
  if (evidence === null || evidence.kind === 'rollout') return null;
  return policy.kind === evidence.kind ? judge(policy, evidence) : null;
}

function listGrounds(evidence: DecisionJson['evidenceBody']): readonly string[] {
  if (evidence === null) return ['its evidence was deleted'];
  if (evidence.kind !== 'rollout') return explainEvidence(evidence);
  const { challenger, champion, startedAt, asOf, step } = evidence;
  return [
    `${challenger} beside ${champion} on traffic from ${startedAt} to ${asOf}, decided in step ${step + 1}`,
  ];
}

/** A version with its data, run, decisions, approvals and alias moves. */
export function describeExplanation(
  explanation: ExplanationJson,
  shown: ReasonLayout = {},
): string {
  const {
    model,
    version,
    serves,
    record,
    run,
    stages,
    rollout,
    decisions,
    approvals,
    digests,
    moves,
    lineage,
  } = explanation;
  const name = (to: number | null): string => (to === null ? 'none' : `@${to}`);
  const sources = [
    ...new Set(
      lineage.map(
        ({ from }) =>
          `${from.kind}:${from.name}${from.version === undefined ? '' : `@${from.version}`}`,
      ),
    ),
  ];
  return [
    `${model}@${version} ${serves ? 'is the champion' : `does not serve (${record.status})`}; digest ${record.manifest.digest}`,
    ...(run === null
      ? []
      : [
          `made by ${record.runId}, started by ${run.actor} at ${run.createdAt}, revision ${run.revision.slice(0, 19)}`,
          ...(run.rerunOf
            ? [
                `  a rerun of ${run.rerunOf.run}`,
                ...describeChanges(run.rerunOf.changes).map((line) => `    ${line}`),
              ]
            : []),
        ]),
    ...(record.imported === null ? [] : [importedLine(record.imported)]),
    `from ${sources.length === 0 ? 'no recorded sources' : sources.join(', ')}`,
    ...stages.flatMap(({ contracts }) => contracts ?? []).map(describeContract),
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

function importedLine({
  format,
  fileName,
  digest,
  actor,
}: NonNullable<ExplanationJson['record']['imported']>): string {
  return `imported from ${fileName} (${format}) by ${actor}; digest ${digest}`;
}

function describeContract({
  source,
  verdict,
  rows,
  accepted,
  quarantined,
}: ContractResultsJson[number]): string {
  return `contract of ${source}: ${verdict}, ${accepted} of ${rows} rows accepted, ${quarantined} in quarantine`;
}

function describeApproval({
  vote,
  keyId,
  keyName,
  scope,
  comment,
  createdAt,
}: ApprovalJson): string {
  const did = vote === 'approve' ? 'approved' : 'rejected';
  return `${createdAt}  ${did} by ${keyName} (key ${keyId}, ${scope})${comment === null ? '' : `: ${comment}`}`;
}

/** One line if all digests match, otherwise one line for each that does not. */
function describeDigests(digests: readonly DigestCheckJson[]): readonly string[] {
  const wrong = digests.filter(({ outcome }) => outcome !== 'matches');
  if (wrong.length === 0)
    return [`manifest, policies and evidence match their digests (${digests.length} checked)`];
  const words = {
    matches: 'matches',
    differs: 'DOES NOT MATCH its digest',
    gone: 'is missing',
    unknown: 'could not be checked',
  };
  return wrong.map(
    ({ what, digest, outcome, detail }) =>
      `${what} ${digest} ${words[outcome]}${detail === null ? '' : `: ${detail}`}`,
  );
}

/** The reason of an override, and the requirements that the promotion did not meet. */
function overrideLines(override: AliasMoveJson['override']): readonly string[] {
  if (!override) return [];
  const by = override.selfApproved ? ', by the person who started the run' : '';
  return [
    `override${by}: ${override.reason}`,
    ...override.unmet.map(({ detail }) => `  not met: ${detail}`),
  ];
}

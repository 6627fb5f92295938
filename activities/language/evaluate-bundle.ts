import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { CaseAnswers } from '../../domain/language/evaluation/answers-summary';
import { judge } from '../../domain/decision/decide';
import { countMoreCases, joinGates } from '../../domain/decision/gate-decision';
import type { LlmEvaluationPolicy } from '../../domain/decision/policy';
import type { LlmEvidence } from '../../domain/language/evaluation/evidence';
import {
  buildLlmEvidence,
  type BundleMeasurement,
} from '../../domain/language/evaluation/build-evidence';
import type { CaseResult } from '../../domain/language/evaluation/result';
import type { LlmEvaluateSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import {
  standbyOutcome,
  type StandbyModel,
  type StandbyOutcome,
} from '../../domain/bundle/standby';
import type { DecisionRef, Verdict, VerdictKind } from '../../domain/verdict';
import type { ArtifactStore } from '../../data/artifact/store';
import { computeDigest } from '../../data/digest';
import type { Registry } from '../../db/registry';
import { withIdempotencyKey } from '../run/idempotent-effect';
import type { CalibratedJudge } from './judges';

export interface EvaluateBundleDeps {
  readonly registry: Pick<
    Registry,
    'effects' | 'evidence' | 'decisions' | 'attempts' | 'artifacts'
  >;
  readonly artifacts: Pick<ArtifactStore, 'getJson'>;
}

/** The measurements and the rules that decide on them. */
export interface BundleMeasurements {
  readonly candidate: Digest;
  readonly answers: CaseAnswers;
  /** Answers to the same cases; null when there is no counterpart or no gate needs it. */
  readonly counterparts: Readonly<Record<'champion' | 'baseline', CaseAnswers | null>>;
  /** Why a counterpart is missing, unless it never existed. */
  readonly missing: NonNullable<LlmEvidence['missing']>;
  readonly evaluate: LlmEvaluateSpec;
  /** Maximum number of looks at the evidence. */
  readonly looks: number;
  /** Dimension → the judge that gives its scores. */
  readonly judges: Readonly<Record<string, CalibratedJudge>>;
  readonly attempt: BundleAttempt;
}

/** The attempt on the case set. Standbys are evaluated within the attempt of their bundle. */
export interface BundleAttempt {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly lifecycle: string;
  /** The bundle as it was asked, without standbys. */
  readonly bundle: Digest;
}

interface ForEffect {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
}

export interface WeighBundleInput extends BundleMeasurements {
  /** Whether there are cases that have not been asked. */
  readonly mayAskMore: boolean;
}

export interface DecideBundleInput extends ForEffect, WeighBundleInput {
  /** Outcomes of the standbys; absent when the bundle has none. */
  readonly standbys?: readonly StandbyOutcome[];
}

export interface QualifyStandbyInput extends ForEffect, BundleMeasurements {
  /** The standby; `candidate` is the bundle with it as the model. */
  readonly standby: StandbyModel;
}

interface OpenBundle {
  readonly kind: 'open';
  readonly moreCases: number;
}

export type PreviewedBundle =
  OpenBundle | { readonly kind: 'weighed'; readonly verdict: VerdictKind };
export type BundleLook = OpenBundle | BundleDecision;

export interface BundleDecision {
  readonly kind: 'decided';
  readonly decision: DecisionRef;
  readonly evidence: Digest;
  /** How many more cases would decide; null when they would not, or when it is decided. */
  readonly moreCases: number | null;
}

interface Grounds {
  readonly policy: LlmEvaluationPolicy;
  readonly evidence: LlmEvidence;
}

interface WeighedBundle extends Grounds {
  readonly verdict: Verdict;
  readonly moreCases: number | null;
}

const stage = 'evaluate';

export function createEvaluateBundleActivities({ registry, artifacts }: EvaluateBundleDeps) {
  return {
    /**
     * Decides, or returns how many more cases would decide. Stores policy and evidence before the
     * decision that uses them (DESIGN §10). A retry returns the stored decision.
     */
    decideBundle(input: DecideBundleInput): Promise<BundleLook> {
      return withIdempotencyKey(
        registry.effects,
        input,
        async (assertOwned): Promise<BundleLook> => {
          const { tenant, runId, key, standbys = [] } = input;
          const { policy, evidence, verdict, moreCases } = await weigh(input);
          if (verdict.kind === 'inconclusive' && moreCases !== null && input.mayAskMore)
            return { kind: 'open', moreCases };
          await assertOwned();
          const grounds = await keep(input, { policy, evidence });
          const told = standbys.map((each) => ({ kind: 'standby.judged', data: { ...each } }));
          const attempt = evidence.attempt && {
            ...evidence.attempt,
            model: input.attempt.lifecycle,
          };
          const decision = await registry.decisions.record({
            tenant,
            runId,
            stage,
            ...grounds,
            verdict,
            attempt,
            told,
            idempotencyKey: key,
          });
          return { kind: 'decided', decision, evidence: grounds.evidence, moreCases };
        },
      );
    },

    /**
     * The verdict that `decideBundle` would give, without storing anything. Standbys are measured
     * only if it passed. Reads only.
     */
    async weighBundle(input: WeighBundleInput): Promise<PreviewedBundle> {
      const { verdict, moreCases } = await weigh(input);
      const open = verdict.kind === 'inconclusive' && moreCases !== null && input.mayAskMore;
      return open ? { kind: 'open', moreCases } : { kind: 'weighed', verdict: verdict.kind };
    },

    /** Applies the bundle's gates to a standby and stores policy and evidence. Idempotent. */
    qualifyStandby(input: QualifyStandbyInput): Promise<StandbyOutcome> {
      return withIdempotencyKey(
        registry.effects,
        input,
        async (assertOwned): Promise<StandbyOutcome> => {
          const { policy, evidence, verdict } = await weigh(input);
          await assertOwned();
          const grounds = await keep(input, { policy, evidence });
          return standbyOutcome(input.standby, {
            verdict,
            cases: evidence.cases,
            evidence: grounds.evidence,
          });
        },
      );
    },
  };

  async function weigh(
    input: BundleMeasurements & Pick<DecideBundleInput, 'standbys'>,
  ): Promise<WeighedBundle> {
    const { candidate, answers, counterparts, missing, evaluate, looks, judges, standbys } = input;
    const { gates, ungated } = evaluate;
    const policy: LlmEvaluationPolicy = {
      kind: 'llmEvaluation',
      version: 2,
      gates,
      looks,
      ungated,
    };
    const measured = buildLlmEvidence({
      candidate,
      caseSet: answers.caseSet,
      dimensions: evaluate.dimensions.map(({ name }) => name),
      results: await readResults(answers),
      counterparts: {
        champion: await readResults(counterparts.champion),
        baseline: await readResults(counterparts.baseline),
      },
      missing,
      standbys,
      judges,
      attempts: await claimAttempts(input),
    });
    const { champion, baseline } = counterparts;
    const refs = {
      candidate: answers.results,
      champion: champion?.results ?? null,
      baseline: baseline?.results ?? null,
    };
    const evidence: LlmEvidence = { ...measured, results: refs };
    const judged = judge(policy, evidence);
    return { policy, evidence, verdict: joinGates(judged), moreCases: countMoreCases(judged) };
  }

  /**
   * Claims an attempt on the case set. With a latency gate it also claims one on this run's times,
   * because timing the same bundle again is a new sample.
   */
  async function claimAttempts({
    attempt: of,
    answers,
    evaluate,
  }: BundleMeasurements): Promise<NonNullable<BundleMeasurement['attempts']>> {
    const { tenant, runId, lifecycle: model, bundle } = of;
    const attempt = await registry.attempts.claim({
      tenant,
      runId,
      model,
      holdout: answers.caseSet,
      candidate: bundle,
    });
    if (!evaluate.gates.some(({ kind }) => kind === 'latency')) return { attempt };
    const [holdout, candidate] = [
      computeDigest({ times: answers.caseSet }),
      computeDigest({ bundle, runId }),
    ];
    return {
      attempt,
      latencyAttempt: await registry.attempts.claim({ tenant, runId, model, holdout, candidate }),
    };
  }

  /** Stores policy, evidence and references to the answers. */
  async function keep(
    { tenant, answers, counterparts }: Pick<ForEffect, 'tenant'> & BundleMeasurements,
    { policy, evidence }: Grounds,
  ): Promise<{ readonly policy: Digest; readonly evidence: Digest }> {
    const kept = { policy: computeDigest(policy), evidence: computeDigest(evidence) };
    await registry.evidence.put({ tenant, kind: 'policy', digest: kept.policy, body: policy });
    await registry.evidence.put({
      tenant,
      kind: 'evidence',
      digest: kept.evidence,
      body: evidence,
    });
    for (const { digest } of [answers, counterparts.champion, counterparts.baseline].flatMap(
      (each) => each?.results ?? [],
    )) {
      await registry.artifacts.reference({ tenant, digest, by: `evidence:${kept.evidence}` });
    }
    return kept;
  }

  function readResults(answers: CaseAnswers): Promise<readonly CaseResult[]>;
  function readResults(answers: CaseAnswers | null): Promise<readonly CaseResult[] | null>;
  async function readResults(answers: CaseAnswers | null): Promise<readonly CaseResult[] | null> {
    return (
      answers && artifacts.getJson<readonly CaseResult[]>(answers.results satisfies ArtifactRef)
    );
  }
}

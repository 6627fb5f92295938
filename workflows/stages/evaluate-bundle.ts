import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { AnswerCasesInput } from '../../activities/answer-cases';
import type { DecideBundleInput, LookedAtBundle } from '../../activities/evaluate-bundle';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { AnswersSummary } from '../../domain/llm/evaluation/answered';
import { latencySample, type LatencySample } from '../../domain/llm/evaluation/latency-sample';
import type { StandbyModel, StandbyOutcome } from '../../domain/llm/standby';
import { versionName } from '../../domain/model';
import type { DecisionRef, Verdict } from '../../domain/verdict';
import { llmWork } from '../activity-proxies';
import type { EffectOf, EndedStage, LlmRun, StageEnd } from '../stage';
import { runStage } from '../stage';
import { messageOf, typeOf } from '../undo';
import type { ChampionSeen } from './evaluate';
import { qualifyStandbys } from './qualify-standbys';

export interface BundleContest {
  readonly bundle: ArtifactRef;
  /** What people read of it. */
  readonly name: string;
  /** Models that are to stand by for its own, none of which the bundle names yet. */
  readonly standbys: readonly StandbyModel[];
  readonly champion: ChampionSeen;
  /** The first prompt over the model as it is. */
  readonly baseline: ArtifactRef;
  /** Of the index that they ask, the last change of documents that was taken: 0 before the first. */
  readonly indexChanges: number;
}

export interface EvaluatedBundle {
  readonly evidence: Digest;
  readonly summary: AnswersSummary;
  /** Manifest of the champion that the candidate was laid beside. */
  readonly champion: Digest | null;
  readonly moreCases: number | null;
  /** The bundle with those that qualified to stand by for it, as it was decided on; not there where none was to. */
  readonly bundle?: ArtifactRef;
  readonly standbys?: readonly StandbyOutcome[];
}

export interface JudgedBundle extends EndedStage<EvaluatedBundle> {
  readonly verdict: Verdict;
  readonly decision: DecisionRef;
}

/**
 * The whole bundle on cases that nothing was chosen by, beside the champion and, where a gate asks for it, the baseline. Then, where it has passed, those that are to stand by for it;
 * what is decided on is the bundle that names those of them that passed as well.
 */
export async function evaluateBundle(run: LlmRun, contest: BundleContest): Promise<JudgedBundle> {
  const { spec } = run.plan;
  const { bundle, name, standbys, champion, baseline, indexChanges } = contest;
  const baselineIsCandidate = baseline.digest === bundle.digest;
  const withBaseline = needsBaseline(run, champion) && !baselineIsCandidate;
  const championDigest = champion.version?.manifest.digest ?? null;
  const inputs = () => ({
    candidate: bundle.digest,
    ...(standbys.length > 0 && { standbys }),
    champion: championDigest,
    baseline: withBaseline ? baseline.digest : null,
    cases: llmFileOf(run, spec.cases.file).digest,
    slices: { search: spec.cases.search, confirm: spec.cases.confirm },
    // How many are asked at once decides nothing but how long each takes.
    evaluate: { ...spec.evaluate, parallel: hasLatencyGate(run) ? spec.evaluate.parallel : null },
    judges: judgeFilesOf(run),
    ...(indexChanges > 0 && { indexChanges }),
  });
  const ended = await runStage(run, { name: 'evaluate', inputs, cached: true }, async (effect): Promise<StageEnd<EvaluatedBundle>> => {
    const attempt = { tenant: run.plan.tenant, runId: run.plan.runId, lifecycle: run.plan.lifecycle, bundle: bundle.digest };
    const timed = latencySample(spec.evaluate.gates, { runId: run.plan.runId, looks: looksOf(run) });
    const questions = <Most extends number | null>(most: Most, latency: LatencySample | null) => ({
      ...questionsOf(run, effect, 'evaluate'),
      ...{ slice: 'judge' as const, most, ...(latency && { latency }) },
    });
    const answersOf = (
      who: string,
      bundle: ArtifactRef,
      most: number | null,
      more: Pick<AnswerCasesInput, 'latency' | 'endsRefused'> = {},
    ) =>
      llmWork.answerCases.executeWithOptions({ summary: most === null ? who : `${who}, ${most} cases` }, [
        { ...questions(most, null), ...effect('answers', `${bundle.digest}-${most ?? 'all'}`), bundle, ...more },
      ]);
    const ask = async (most: number | null): Promise<Asked> => {
      const answers = await answersOf(name, bundle, most, { ...(timed && { latency: timed }), endsRefused: true });
      const { version } = champion;
      const beside = version && (await answersOf(versionName(version), version.manifest, most).catch(unlessGone));
      return {
        answers,
        counterparts: {
          champion: beside && 'reason' in beside ? null : beside,
          baseline: withBaseline ? await answersOf('the baseline', baseline, most) : null,
        },
        missing: {
          champion: beside && 'reason' in beside ? { kind: 'notMeasured', reason: beside.reason } : null,
          baseline: baselineIsCandidate ? { kind: 'same' } : null,
        },
      };
    };
    const look = async (asked: Asked, place: number, mayAskMore: boolean): Promise<LookedAt> => {
      const measured = { evaluate: spec.evaluate, looks: looksOf(run), judges, attempt, ...asked };
      const given = { ...measured, candidate: bundle.digest, mayAskMore };
      const summary = `gates of ${name}`;
      const decide = (of: DecideBundleInput) => llmWork.decideBundle.executeWithOptions({ summary }, [of]);
      if (standbys.length === 0) return decide({ ...effect('decide', String(place)), ...given });
      const weighed = await llmWork.weighBundle.executeWithOptions({ summary }, [given]);
      if (weighed.kind === 'open') return weighed;
      const qualified = await qualifyStandbys(run, effect, {
        ...{ bundle, standbys, hasPassed: weighed.verdict === 'passed' },
        questions: questions(asked.answers.summary.cases, timed),
        beside: { ...measured, ...besideStandby(asked) },
      });
      const whole = { candidate: qualified.bundle.digest, standbys: qualified.standbys, mayAskMore: false };
      return { ...(await decide({ ...effect('decide', String(place)), ...given, ...whole })), ...qualified };
    };
    /** Where the bundle is its own baseline, whoever stands by for it has one in it. */
    const besideStandby = ({ answers, counterparts, missing }: Asked): Pick<Asked, 'counterparts' | 'missing'> =>
      baselineIsCandidate && needsBaseline(run, champion)
        ? { counterparts: { ...counterparts, baseline: answers }, missing: { ...missing, baseline: null } }
        : { counterparts, missing };
    const judges = hasJudge(run)
      ? await llmWork.calibrateJudges.executeWithOptions({ summary: 'judges on answers that people have judged' }, [
          { ...questionsOf(run, effect, 'evaluate'), ...effect('judges') },
        ])
      : {};
    let asked = await ask(spec.evaluate.first);
    for (let place = 1; ; place += 1) {
      const { answers } = asked;
      const looked = await look(asked, place, answers.left > 0 && place < looks);
      if (looked.kind === 'decided') return decided(looked, answers);
      const { cases } = answers.summary;
      // What it says that it needs; after some looks twice as many, so that the looks do not run out before the cases.
      const wanted = place < looks / 2 ? looked.moreCases : Math.max(looked.moreCases, cases);
      const more = await ask(cases + Math.min(wanted, answers.left)).catch(unlessBudgetSpent);
      // What the budget does not pay for stays undecided, with what was measured.
      if (more === null) return decided(await look(asked, place + 1, false), answers);
      asked = more;
    }

    function decided(looked: LookedAt, { summary }: Asked['answers']): StageEnd<EvaluatedBundle> {
      if (looked.kind === 'open') throw new Error('nothing more could be asked, and nothing was decided');
      const { kind: _kind, decision, ...found } = looked;
      const end = { output: { ...found, summary, champion: championDigest }, verdict: decision.verdict, decision };
      // Who was away is asked by the next run.
      return found.standbys?.some(({ kind }) => kind === 'notMeasured') ? { ...end, again: true } : end;
    }
  });
  const { verdict, decision } = ended;
  // Nothing may pass for want of a verdict (I10).
  if (!verdict || !decision) throw ApplicationFailure.nonRetryable('the evaluation taken over names no decision', 'NotFound');
  return { ...ended, verdict, decision };
}

type Asked = Pick<DecideBundleInput, 'answers' | 'counterparts' | 'missing'>;
type LookedAt = LookedAtBundle & Pick<EvaluatedBundle, 'bundle' | 'standbys'>;

/** More looks than this are many small steps: then the evaluation ends with what it has. */
const looks = 20;

function looksOf({ plan }: LlmRun): number {
  return plan.spec.evaluate.first === null ? 1 : looks;
}

function hasLatencyGate({ plan }: LlmRun): boolean {
  return plan.spec.evaluate.gates.some(({ kind }) => kind === 'latency');
}

/** A champion whose model or provider is there no more, or takes its questions no more, keeps nobody from taking its place: the evidence says that it could not be asked, and gates that need it that they cannot say. */
const gone = ['ModelNotFound', 'NotFound', 'ProviderDenied', 'ProviderRefused', 'IndexMismatch'];

function unlessGone(error: unknown): { readonly reason: string } {
  if (error instanceof ActivityFailure && gone.includes(typeOf(error))) return { reason: messageOf(error) };
  throw error;
}

function unlessBudgetSpent(error: unknown): null {
  if (error instanceof ActivityFailure && typeOf(error) === 'BudgetSpent') return null;
  throw error;
}

function needsBaseline({ plan }: LlmRun, { version }: ChampionSeen): boolean {
  return plan.spec.evaluate.gates.some((gate) => {
    if (gate.kind !== 'nonInferiority') return false;
    return gate.against === 'baseline' || (version === null && gate.whenAbsent === 'baseline');
  });
}

/** What every question of a stage carries. */
export function questionsOf(run: LlmRun, effect: EffectOf, stage: AnswerCasesInput['stage']) {
  const { cases, evaluate, budget } = run.plan.spec;
  return { ...effect('answers'), stage, cases: llmFileOf(run, cases.file), files: judgeFilesOf(run), spec: { cases, evaluate, budget } };
}

function hasJudge({ plan }: LlmRun): boolean {
  return plan.spec.evaluate.dimensions.some(({ kind }) => kind === 'judge');
}

export function judgeFilesOf(run: LlmRun): Readonly<Record<string, ArtifactRef>> {
  const paths = run.plan.spec.evaluate.dimensions.flatMap((each) =>
    each.kind === 'judge' ? [each.prompt, ...(each.labels === null ? [] : [each.labels])] : [],
  );
  return Object.fromEntries(paths.map((path) => [path, llmFileOf(run, path)]));
}

export function llmFileOf({ plan }: LlmRun, path: string): ArtifactRef {
  const file = plan.files[path];
  // `apply` refuses a revision whose named files are not all there.
  if (!file) throw new Error(`revision without ${path}`);
  return file;
}

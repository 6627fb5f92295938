/**
 * The tables of `bench/facts/main.ts`: the answers of each bundle, the effect of passages, and what
 * retrieval found.
 */
import { normalAnswer } from '../../domain/language/evaluation/answer-text';
import { expectedAnswers, type EvaluationCase } from '../../domain/language/cases/case';
import { scoreRetrieval, type Retrieved } from '../../domain/index/retrieval-metrics';
import { withoutCitations } from '../../domain/language/citations';
import { report, rounded } from '../figures';
import type { AssistantResults } from './asked';
import { bundleNames, type AssistantName } from './assistant';
import { relations, type Fact } from './fact';
import { markAnswer, containsAnswer, type Mark } from './mark';
import {
  estimateDifference,
  estimateMean,
  estimateRelativeChange,
  estimateShare,
  type WorthEstimate,
} from './worth';

type ByBundle<T> = Readonly<Record<AssistantName, T>>;

export interface FactsFindings {
  readonly facts: readonly Fact[];
  readonly byFacts: ByBundle<AssistantResults>;
  readonly sample: readonly EvaluationCase[];
  readonly bySample: ByBundle<AssistantResults>;
  readonly found: readonly Retrieved[];
  readonly documents: number;
  readonly chunks: number;
  readonly load: number;
}

/** The paper's figures. */
const reference = { accuracy: 0.67, hallucination: -0.51 };
const withPassages = ['cited', 'passages'] as const;

export function reportFacts(told: FactsFindings): void {
  const { facts, byFacts, documents, chunks, load } = told;
  const marks = eachBundle((name) => listMarks(facts, byFacts[name]));
  const events = eachBundle((name) => ({
    accuracy: marks[name].map((mark) => mark === 'right'),
    hallucination: marks[name].map((mark) => mark === 'wrong' || mark === 'mixed'),
    none: marks[name].map((mark) => mark === 'none'),
    beside: marks[name].map((mark) => mark === 'mixed'),
  }));
  const shares = eachBundle((name) => {
    const { accuracy, hallucination, none, beside } = events[name];
    return {
      accuracy: estimateShare(accuracy),
      hallucination: estimateShare(hallucination),
      none: estimateShare(none),
      beside: estimateShare(beside),
    };
  });
  const changes = Object.fromEntries(
    withPassages.map((name) => [name, changesBy(events.plain, events[name])]),
  );
  const shown = Object.fromEntries(
    withPassages.map((name) => [name, whenShown(told, name, marks)]),
  );
  const recall = Object.fromEntries(
    [1, 2, 5].map((k) => [
      `recall@${k}`,
      estimateMean(told.found.map((each) => scoreRetrieval(`recall@${k}`, each))),
    ]),
  );
  const sample = sampleFigures(told);
  const rows: (readonly [string, string])[] = [
    ...bundleNames.map((name): readonly [string, string] => [
      `${name}: right / wrong / none`,
      [shares[name].accuracy, shares[name].hallucination, shares[name].none]
        .map((each) => text(each))
        .join('   '),
    ]),
    ...bundleNames.map((name): readonly [string, string] => [
      `${name}: right value with another beside it (counted as wrong)`,
      text(shares[name].beside),
    ]),
    ...withPassages.flatMap((name): (readonly [string, string])[] => {
      const { accuracy, hallucination } = changes[name] as Changes;
      return [
        [
          `${name} beside plain: right`,
          `${points(accuracy.difference)}; of plain’s ${text(accuracy.relative, signedPercent)} (reference ${signedPercent(reference.accuracy)})`,
        ],
        [
          `${name} beside plain: wrong`,
          `${points(hallucination.difference)}; of plain’s ${text(hallucination.relative, signedPercent)} (reference ${signedPercent(reference.hallucination)})`,
        ],
      ];
    }),
    ...Object.entries(recall).map(([name, value]): readonly [string, string] => [
      name,
      text(value),
    ]),
    ...withPassages.flatMap((name): (readonly [string, string])[] => {
      const {
        shown: those,
        right,
        wrong,
        plainRight,
        notShown,
        notShownWrong,
      } = shown[name] as WhenShown;
      return [
        [`${name}: the answer stood in a passage of its summary`, text(those)],
        [
          `${name}: right / wrong when it did (plain on the same: right)`,
          `${text(right)}   ${text(wrong)}   (${text(plainRight)})`,
        ],
        [`${name}: right / wrong when it did not`, `${text(notShown)}   ${text(notShownWrong)}`],
      ];
    }),
    ...relations.map((relation): readonly [string, string] => [
      `${relation}: right, wrong of`,
      relationText(relation, facts, marks),
    ]),
    ...bundleNames.map((name): readonly [string, string] => [
      `FanOutQA, ${told.sample.length} questions, ${name}: F1; the whole answer stands in it`,
      `${text(sample[name].f1, (value) => value.toFixed(3))}   ${text(sample[name].stands)}`,
    ]),
    ...withPassages.map((name): readonly [string, string] => [
      `FanOutQA, ${name} beside plain: F1; stands`,
      `${text(sample[name].f1Difference, signedValue)}   ${points(sample[name].standsDifference)}`,
    ]),
  ];
  const title = `what retrieval is worth: ${facts.length} facts, ${documents} summaries in ${chunks} chunks, load ${load.toFixed(1)}`;
  const relationsTold = Object.fromEntries(
    relations.map((relation) => [
      relation,
      eachBundle((name) => countMarks(relation, facts, marks[name])),
    ]),
  );
  const unanswered = eachBundle(
    (name) => byFacts[name].results.filter((result) => result.answer === null).length,
  );
  report(
    title,
    rows,
    rounding({
      questions: facts.length,
      shares,
      changes,
      shown,
      recall,
      relations: relationsTold,
      sample,
      unanswered,
      load,
    }) as Record<string, unknown>,
  );
}

function eachBundle<T>(of: (name: AssistantName) => T): ByBundle<T> {
  return { plain: of('plain'), cited: of('cited'), passages: of('passages') };
}

/** A request without an answer states nothing. */
function listMarks(facts: readonly Fact[], { results }: AssistantResults): readonly Mark[] {
  const answers = new Map(results.map(({ id, answer }) => [id, answer]));
  return facts.map((fact) => markAnswer(fact, answers.get(fact.question) ?? ''));
}

interface Changes {
  readonly accuracy: {
    readonly difference: WorthEstimate | null;
    readonly relative: WorthEstimate | null;
  };
  readonly hallucination: {
    readonly difference: WorthEstimate | null;
    readonly relative: WorthEstimate | null;
  };
}

type Events = Readonly<Record<'accuracy' | 'hallucination', readonly boolean[]>>;

function changesBy(plain: Events, other: Events): Changes {
  const change = (what: keyof Events) => {
    const [without, with_] = [plain[what].map(Number), other[what].map(Number)];
    return {
      difference: estimateDifference(without, with_),
      relative: estimateRelativeChange(without, with_),
    };
  };
  return { accuracy: change('accuracy'), hallucination: change('hallucination') };
}

interface WhenShown {
  readonly shown: WorthEstimate;
  readonly right: WorthEstimate;
  readonly wrong: WorthEstimate;
  readonly plainRight: WorthEstimate;
  readonly notShown: WorthEstimate;
  readonly notShownWrong: WorthEstimate;
}

/**
 * A right passage is from the summary of the fact and contains the answer. Another chunk of the
 * summary may be found instead.
 */
function whenShown(
  { facts, byFacts }: FactsFindings,
  name: AssistantName,
  marks: ByBundle<readonly Mark[]>,
): WhenShown {
  const shown = facts.map((fact) =>
    (byFacts[name].shown.get(fact.question) ?? []).some(
      ({ documentId, text }) => documentId === fact.document && containsAnswer(fact, text),
    ),
  );
  const share = (of: AssistantName, those: boolean, wanted: readonly Mark[]) =>
    estimateShare(
      marks[of]
        .filter((_, question) => shown[question] === those)
        .map((mark) => wanted.includes(mark)),
    );
  return {
    shown: estimateShare(shown),
    right: share(name, true, ['right']),
    wrong: share(name, true, ['wrong', 'mixed']),
    plainRight: share('plain', true, ['right']),
    notShown: share(name, false, ['right']),
    notShownWrong: share(name, false, ['wrong', 'mixed']),
  };
}

function countMarks(relation: Fact['relation'], facts: readonly Fact[], marks: readonly Mark[]) {
  const those = marks.filter((_, question) => facts[question]?.relation === relation);
  const count = (wanted: readonly Mark[]) => those.filter((mark) => wanted.includes(mark)).length;
  return { right: count(['right']), wrong: count(['wrong', 'mixed']), of: those.length };
}

function relationText(
  relation: Fact['relation'],
  facts: readonly Fact[],
  marks: ByBundle<readonly Mark[]>,
): string {
  return bundleNames
    .map((name) => {
      const { right, wrong, of } = countMarks(relation, facts, marks[name]);
      return `${name} ${right}, ${wrong} of ${of}`;
    })
    .join('   ');
}

function sampleFigures({ sample, bySample }: FactsFindings) {
  const scores = eachBundle((name) => {
    const results = new Map(bySample[name].results.map((result) => [result.id, result]));
    const f1 = sample.map(({ id }) => {
      const score = results.get(id)?.scores['f1'];
      return score?.kind === 'scored' ? score.value : 0;
    });
    return {
      f1,
      stands: sample.map((each) => holdsAnswer(each, results.get(each.id)?.answer ?? '')),
    };
  });
  return eachBundle((name) => ({
    f1: estimateMean(scores[name].f1),
    stands: estimateShare(scores[name].stands),
    f1Difference: estimateDifference(scores.plain.f1, scores[name].f1),
    standsDifference: estimateDifference(
      scores.plain.stands.map(Number),
      scores[name].stands.map(Number),
    ),
  }));
}

function holdsAnswer({ expected }: EvaluationCase, answer: string): boolean {
  const said = ` ${normalAnswer(withoutCitations(answer))} `;
  return expectedAnswers(expected).some((right) => said.includes(` ${normalAnswer(right)} `));
}

/** Ten questions per relation for manual review. */
export function listed(facts: readonly Fact[]): string {
  return relations
    .map((relation) => {
      const those = facts.filter((fact) => fact.relation === relation);
      const lines = those
        .slice(0, 10)
        .map(
          ({ question, written, evidence }) =>
            `  ${question} ${written.join(' / ')}\n      ${evidence}`,
        );
      return `${relation}: ${those.length}\n${lines.join('\n')}\n`;
    })
    .join('\n');
}

function text(measured: WorthEstimate | null, write: (value: number) => string = percent): string {
  if (measured === null) return 'not known';
  return `${write(measured.value)} (${write(measured.lower)} to ${write(measured.upper)})`;
}

function points(measured: WorthEstimate | null): string {
  return text(measured, (value) => `${value < 0 ? '−' : '+'}${(100 * Math.abs(value)).toFixed(1)}`);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function signedPercent(share: number): string {
  return `${share < 0 ? '−' : '+'}${Math.round(100 * Math.abs(share))} %`;
}

function signedValue(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
}

/** JSON needs only four digits. */
function rounding(value: unknown): unknown {
  if (typeof value === 'number') return rounded(value, 4);
  if (Array.isArray(value)) return value.map(rounding);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rounding(each)]));
}

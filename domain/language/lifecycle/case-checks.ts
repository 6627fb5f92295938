import type { WrittenDocument } from '../../document/document';
import type { Issue } from '../../failure';
import { nearest } from '../../document/nearest';
import { sliceOf, type CaseSlice } from '../canary/case-slices';
import { casesIn, readCaseSet, readLabelledAnswers } from '../cases/case-set-document';
import type { DimensionSpec, RobustnessSpec } from '../dimension/dimension';
import type { LlmLifecycleSpec } from './llm-lifecycle';
import { readPrompt } from '../../prompt/document';
import { variablesOf } from '../../prompt/render';
import type { LifecycleSearchSpec } from '../../prompt/search/search';

/** Path → text of what a lifecycle names. */
export type Files = Readonly<Record<string, string>>;

/** What is wrong with the cases, and with what they leave for each purpose. */
export function caseIssues(
  { cases, prompt, promptEval, evaluate }: LlmLifecycleSpec,
  { issueAt }: WrittenDocument,
  files: Files,
): readonly Issue[] {
  const shares = cases.search + cases.confirm;
  const whole =
    shares > 0.9
      ? [
          issueAt(
            ['spec', 'cases'],
            `spec.cases leaves ${Math.round((1 - shares) * 100)} % of the cases to judge by`,
            {
              expected: 'search and confirm of at most 0.9 together',
            },
          ),
        ]
      : [];
  const text = files[cases.file];
  if (text === undefined) return whole;
  const { cases: read, issues } = readCaseSet(text, cases.file);
  const none =
    read.length === 0 && issues.length === 0
      ? [issueAt(['spec', 'cases', 'file'], `${cases.file} has no case`)]
      : [];
  if (read.length === 0 || issues.length > 0 || whole.length > 0)
    return [...whole, ...issues, ...none];
  const count = (slice: CaseSlice): number =>
    read.filter((each) => sliceOf(each, cases) === slice).length;
  const needed: readonly CaseSlice[] =
    promptEval === null ? ['judge'] : ['search', 'confirm', 'judge'];
  const empty = needed.flatMap((slice) =>
    count(slice) > 0
      ? []
      : [
          issueAt(
            ['spec', 'cases'],
            `none of the ${read.length} cases of ${cases.file} falls to ${slice}`,
            {
              expected: 'more cases, or other shares',
            },
          ),
        ],
  );
  const wanted = promptEval?.search ? casesToSearch(promptEval.search) : 0;
  const few =
    promptEval?.search && count('search') < wanted
      ? [
          issueAt(
            ['spec', 'promptEval', 'search'],
            `a search needs ${wanted} cases, and ${count('search')} of ${cases.file} fall to search`,
            {
              expected:
                'more cases, a larger cases.search, or a smaller pool or halving.firstCases',
            },
          ),
        ]
      : [];
  const short = evaluate.gates.flatMap(({ name, minCases }, index) =>
    minCases <= count('judge')
      ? []
      : [
          issueAt(
            ['spec', 'evaluate', 'gates', index],
            `the gate ${name} needs ${minCases} cases and can only have ${count('judge')}: it could never decide`,
            {
              expected:
                'more cases, a smaller minCases, or cases.search: 0 and cases.confirm: 0 where nothing is chosen by them',
            },
          ),
        ],
  );
  const unasked = read.filter(({ input }) => !Object.hasOwn(input, prompt.input));
  const mute =
    unasked.length === 0
      ? []
      : [
          issueAt(
            ['spec', 'cases', 'file'],
            `${unasked.length} of ${read.length} cases of ${cases.file} have no ${prompt.input}, which spec.prompt.input names: ${unasked[0]?.id ?? ''} is the first`,
            { expected: `input: { ${prompt.input}: … }` },
          ),
        ];
  return [...mute, ...empty, ...few, ...short];
}

/** Those that examples are drawn from, and those of the first round. */
function casesToSearch({ proposers, halving }: LifecycleSearchSpec): number {
  return (
    Math.max(0, ...proposers.map((each) => (each.kind === 'fewShot' ? each.pool : 0))) +
    halving.firstCases
  );
}

/**
 * A variable that no case has and no index fills can be perturbed in none: its dimension would
 * measure nothing, and its gate never decide.
 */
export function perturbedIssues(
  { evaluate, cases, index }: LlmLifecycleSpec,
  { issueAt }: WrittenDocument,
  files: Files,
): readonly Issue[] {
  const ofCases = variablesOfCases(files[cases.file], cases.file);
  const known = [...new Set([...(ofCases ?? []), ...(index ? [index.variable] : [])])];
  return evaluate.dimensions.flatMap((dimension, place): readonly Issue[] => {
    if (dimension.kind !== 'robustness') return [];
    const at = ['spec', 'evaluate', 'dimensions', place];
    if (dimension.variable === index?.variable)
      return foundProblems(dimension, { index, dimensions: evaluate.dimensions }).map(
        ({ path, ...rest }) => issueAt([...at, ...path], rest.detail, { expected: rest.expected }),
      );
    if (ofCases === null || ofCases.length === 0 || known.includes(dimension.variable)) return [];
    const didYouMean = nearest(dimension.variable, known) ?? undefined;
    const brought = index ? `, and the index fills ${index.variable}` : '';
    return [
      issueAt(
        [...at, 'variable'],
        `no case of ${cases.file} has the variable ${dimension.variable}${brought}`,
        {
          expected: `one of ${known.join(', ')}`,
          didYouMean,
        },
      ),
    ];
  });
}

/** What can be done to passages when they are found, and what it can be measured by. */
function foundProblems(
  { of, perturbations, variable }: RobustnessSpec,
  {
    index: { k },
    dimensions,
  }: {
    readonly index: Pick<NonNullable<LlmLifecycleSpec['index']>, 'k'>;
    readonly dimensions: readonly DimensionSpec[];
  },
) {
  const measured = dimensions.find(({ name }) => name === of);
  const ofIndex =
    measured?.kind === 'retrieval'
      ? [
          {
            path: ['of'],
            detail: `${of} measures what the index finds, and ${variable} is perturbed after it was found`,
            expected: 'a dimension that measures the answer',
          },
        ]
      : [];
  return [
    ...ofIndex,
    ...perturbations.flatMap(({ kind }, place) =>
      kind === 'paraphrase'
        ? [
            {
              path: ['perturbations', place],
              detail: 'what an index finds is not paraphrased',
              expected: 'another perturbation',
            },
          ]
        : kind === 'order' && k < 2
          ? [
              {
                path: ['perturbations', place],
                detail: `spec.index.k is ${k}, and one passage has no order`,
                expected: 'spec.index.k of 2 or more',
              },
            ]
          : [],
    ),
  ];
}

/** What a judge is asked with, and what it is measured by. */
export function judgeIssues(
  { evaluate, cases }: LlmLifecycleSpec,
  { issueAt }: WrittenDocument,
  files: Files,
): readonly Issue[] {
  const known = variablesOfCases(files[cases.file], cases.file);
  const unlabelled = evaluate.gates.flatMap((gate, place): readonly Issue[] => {
    const judge =
      'dimension' in gate
        ? evaluate.dimensions.find(({ name }) => name === gate.dimension)
        : undefined;
    if (judge?.kind !== 'judge' || judge.labels !== null) return [];
    const detail = `nobody has labelled answers for the judge ${judge.name}, so the gate ${gate.name} could never decide`;
    return [
      issueAt(['spec', 'evaluate', 'gates', place], detail, {
        expected: 'labels: <file> in its dimension',
      }),
    ];
  });
  const asked = evaluate.dimensions.flatMap((dimension, place): readonly Issue[] => {
    if (dimension.kind !== 'judge') return [];
    const at = ['spec', 'evaluate', 'dimensions', place];
    const [prompt, labels] = [
      files[dimension.prompt],
      dimension.labels === null ? undefined : files[dimension.labels],
    ];
    const read = prompt === undefined ? null : readPrompt(prompt, dimension.prompt);
    const unknown = read?.ok
      ? variablesOf(read.value).filter(
          (name) => !judged.includes(name) && known !== null && !known.includes(name),
        )
      : [];
    return [
      ...(read && !read.ok ? read.issues : []),
      ...(unknown.length > 0
        ? [
            issueAt(
              [...at, 'prompt'],
              `${dimension.prompt} wants ${unknown.join(', ')}, which no case has`,
              {
                expected: judged.join(', '),
              },
            ),
          ]
        : []),
      ...(labels === undefined ? [] : readLabelledAnswers(labels, dimension.labels ?? '').issues),
    ];
  });
  return [...asked, ...unlabelled];
}

/** What a judge's prompt may use beside the case's own. */
const judged = ['answer', 'reference', 'first', 'second'];

function variablesOfCases(text: string | undefined, path: string): readonly string[] | null {
  return text === undefined
    ? null
    : [...new Set(casesIn(text, path).flatMap(({ input }) => Object.keys(input)))];
}

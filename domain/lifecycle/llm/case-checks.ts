import type { SourceDocument } from '../../document/document';
import type { Issue } from '../../failure';
import { percent } from '../../format';
import { nearest } from '../../document/nearest';
import { caseSlice, type CaseSlice } from '../../language/cases/case-slices';
import {
  readableCases,
  readCaseSet,
  readLabelledAnswers,
} from '../../language/cases/case-set-document';
import type { DimensionSpec, RobustnessSpec } from '../../language/dimension/dimension';
import type { LlmLifecycleSpec } from './llm-lifecycle';
import { readPrompt } from '../../prompt/document';
import { listVariables } from '../../prompt/render';
import type { LifecycleSearchSpec } from '../../prompt-search/search';

/** Path → text of the files that a lifecycle names. */
export type Files = Readonly<Record<string, string>>;

/** Errors in the cases and in their slices. */
export function caseIssues(
  { cases, prompt, promptEval, evaluate }: LlmLifecycleSpec,
  { issueAt }: SourceDocument,
  files: Files,
): readonly Issue[] {
  const shares = cases.search + cases.confirm;
  const whole =
    shares > 0.9
      ? [
          issueAt(
            ['spec', 'cases'],
            `spec.cases leaves only ${percent(1 - shares)} of the cases for evaluate`,
            { expected: 'cases.search + cases.confirm of at most 0.9' },
          ),
        ]
      : [];
  const text = files[cases.file];
  if (text === undefined) return whole;
  const { cases: read, issues } = readCaseSet(text, cases.file);
  const none =
    read.length === 0 && issues.length === 0
      ? [issueAt(['spec', 'cases', 'file'], `${cases.file} has no cases`)]
      : [];
  if (read.length === 0 || issues.length > 0 || whole.length > 0)
    return [...whole, ...issues, ...none];
  const count = (slice: CaseSlice): number =>
    read.filter((each) => caseSlice(each, cases) === slice).length;
  const needed: readonly CaseSlice[] =
    promptEval === null ? ['judge'] : ['search', 'confirm', 'judge'];
  const empty = needed.flatMap((slice) =>
    count(slice) > 0
      ? []
      : [
          issueAt(
            ['spec', 'cases'],
            `none of the ${read.length} cases of ${cases.file} is in the ${slice} slice`,
            { expected: 'more cases, or other shares in spec.cases' },
          ),
        ],
  );
  const wanted = promptEval?.search ? casesToSearch(promptEval.search) : 0;
  const few =
    promptEval?.search && count('search') < wanted
      ? [
          issueAt(
            ['spec', 'promptEval', 'search'],
            `the search needs ${wanted} cases, but the search slice of ${cases.file} ` +
              `has ${count('search')}`,
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
            `gate ${name} needs ${minCases} cases, but only ${count('judge')} are in the ` +
              'judge slice, so it could never decide',
            {
              expected:
                'more cases, a smaller minCases, or, without promptEval, cases.search: 0 and ' +
                'cases.confirm: 0',
            },
          ),
        ],
  );
  const lacking = read.filter(({ input }) => !Object.hasOwn(input, prompt.input));
  const withoutInput =
    lacking.length === 0
      ? []
      : [
          issueAt(
            ['spec', 'cases', 'file'],
            `${lacking.length} of ${read.length} cases of ${cases.file} lack the input ` +
              `${prompt.input} that spec.prompt.input names; the first is ${lacking[0]?.id ?? ''}`,
            { expected: `input: { ${prompt.input}: … }` },
          ),
        ];
  return [...withoutInput, ...empty, ...few, ...short];
}

/** The cases that few-shot examples are drawn from, and those of the first round. */
function casesToSearch({ proposers, halving }: LifecycleSearchSpec): number {
  return (
    Math.max(0, ...proposers.map((each) => (each.kind === 'fewShot' ? each.pool : 0))) +
    halving.firstCases
  );
}

/**
 * A robustness dimension needs a variable that a case has or the index fills. Otherwise it would
 * measure nothing, and its gate could never decide.
 */
export function perturbedIssues(
  { evaluate, cases, index }: LlmLifecycleSpec,
  { issueAt }: SourceDocument,
  files: Files,
): readonly Issue[] {
  const ofCases = variablesOfCases(files[cases.file], cases.file);
  const known = [...new Set([...(ofCases ?? []), ...(index ? [index.variable] : [])])];
  return evaluate.dimensions.flatMap((dimension, place): readonly Issue[] => {
    if (dimension.kind !== 'robustness') return [];
    const at = ['spec', 'evaluate', 'dimensions', place];
    if (dimension.variable === index?.variable)
      return passageProblems(dimension, { index, dimensions: evaluate.dimensions }).map(
        ({ path, ...rest }) => issueAt([...at, ...path], rest.detail, { expected: rest.expected }),
      );
    if (ofCases === null || ofCases.length === 0 || known.includes(dimension.variable)) return [];
    const didYouMean = nearest(dimension.variable, known) ?? undefined;
    const filled = index ? `, and the index fills ${index.variable}` : '';
    return [
      issueAt(
        [...at, 'variable'],
        `no case of ${cases.file} has the variable ${dimension.variable}${filled}`,
        { expected: `one of ${known.join(', ')}`, didYouMean },
      ),
    ];
  });
}

/** Which perturbations passages support, and by which dimension they can be measured. */
function passageProblems(
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
            detail: `${of} measures retrieval, but ${variable} is perturbed after retrieval`,
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
              detail: 'passages of an index cannot be paraphrased',
              expected: 'another perturbation',
            },
          ]
        : kind === 'order' && k < 2
          ? [
              {
                path: ['perturbations', place],
                detail: `spec.index.k is ${k}, and a single passage has no order to change`,
                expected: 'spec.index.k of 2 or more',
              },
            ]
          : [],
    ),
  ];
}

/** Errors in the prompts and labels of judges. */
export function judgeIssues(
  { evaluate, cases }: LlmLifecycleSpec,
  { issueAt }: SourceDocument,
  files: Files,
): readonly Issue[] {
  const known = variablesOfCases(files[cases.file], cases.file);
  const unlabelled = evaluate.gates.flatMap((gate, place): readonly Issue[] => {
    const judge =
      'dimension' in gate
        ? evaluate.dimensions.find(({ name }) => name === gate.dimension)
        : undefined;
    if (judge?.kind !== 'judge' || judge.labels !== null) return [];
    const detail =
      `judge ${judge.name} has no labelled answers, ` + `so gate ${gate.name} could never decide`;
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
      ? listVariables(read.value).filter(
          (name) => !judged.includes(name) && known !== null && !known.includes(name),
        )
      : [];
    return [
      ...(read && !read.ok ? read.issues : []),
      ...(unknown.length > 0
        ? [
            issueAt(
              [...at, 'prompt'],
              `${dimension.prompt} uses ${unknown.join(', ')}, which no case has`,
              { expected: judged.join(', ') },
            ),
          ]
        : []),
      ...(labels === undefined ? [] : readLabelledAnswers(labels, dimension.labels ?? '').issues),
    ];
  });
  return [...asked, ...unlabelled];
}

/** Variables that a judge's prompt may use beside those of the cases. */
const judged = ['answer', 'reference', 'first', 'second'];

function variablesOfCases(text: string | undefined, path: string): readonly string[] | null {
  return text === undefined
    ? null
    : [...new Set(readableCases(text, path).flatMap(({ input }) => Object.keys(input)))];
}

import type { SourceDocument } from '../../../document/document';
import type { Issue } from '../../../failure';
import { nearest } from '../../../document/nearest';
import type { Files } from '../case-checks';
import { readLabelledAnswers } from '../../../language/cases/case-set-document';
import { minLabels } from '../../../language/judge/calibration';
import type { LlmLifecycleSpec } from '../llm-lifecycle';
import { readPrompt } from '../../../prompt/document';
import { listVariables } from '../../../prompt/render';

/**
 * Whether a canary's judge can judge live questions and has enough labels. The run itself measures
 * how good the judge is.
 */
export function canaryJudgeIssues(
  { canary, evaluate, prompt }: LlmLifecycleSpec,
  { issueAt }: SourceDocument,
  files: Files,
): readonly Issue[] {
  const name = canary?.quality.answers?.judge?.dimension;
  if (name === undefined) return [];
  const at = ['spec', 'canary', 'quality', 'judge'];
  const judges = evaluate.dimensions.flatMap((each) => (each.kind === 'judge' ? [each] : []));
  const judge = judges.find((each) => each.name === name);
  if (judge === undefined) {
    const known = judges.map((each) => each.name);
    const is = evaluate.dimensions.find((each) => each.name === name)?.kind;
    return [
      issueAt(
        at,
        is === undefined
          ? `there is no dimension ${name}`
          : `the dimension ${name} is of kind ${is}, not judge`,
        {
          expected:
            known.length === 0
              ? 'a dimension of kind judge in spec.evaluate.dimensions'
              : `one of ${known.join(', ')}`,
          didYouMean: nearest(name, known) ?? undefined,
        },
      ),
    ];
  }
  const text = files[judge.prompt];
  const read = text === undefined ? null : readPrompt(text, judge.prompt);
  const known = [prompt.input, 'answer'];
  const unknown = read?.ok
    ? listVariables(read.value).filter((variable) => !known.includes(variable))
    : [];
  return [
    ...(unknown.length > 0
      ? [
          issueAt(
            at,
            `${judge.prompt} uses ${unknown.join(', ')}, which live questions do not have`,
            { expected: `a judge prompt that uses only ${known.join(' and ')}` },
          ),
        ]
      : []),
    ...labelIssues(),
  ];

  function labelIssues(): readonly Issue[] {
    const path = judge?.labels ?? null;
    if (path === null)
      return [
        issueAt(at, `judge ${name ?? ''} has no labelled answers, so its errors are unknown`, {
          expected: 'labels: <file> in its dimension',
        }),
      ];
    const labels = files[path];
    if (labels === undefined) return [];
    const { answers, issues } = readLabelledAnswers(labels, path);
    if (issues.length > 0) return [];
    const count = (label: boolean) => answers.filter(({ right }) => right === label).length;
    const [right, wrong] = [count(true), count(false)];
    if (right >= minLabels && wrong >= minLabels) return [];
    return [
      issueAt(
        at,
        `${path} has ${right} right and ${wrong} wrong answers, too few to correct the errors of ` +
          `judge ${name ?? ''}`,
        { expected: `${minLabels} or more of each` },
      ),
    ];
  }
}

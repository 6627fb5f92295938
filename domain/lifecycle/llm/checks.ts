import type { SourceDocument } from '../../document/document';
import type { DocumentPath } from '../../document/path';
import { formatPath, valueAt } from '../../document/path';
import type { Issue } from '../../failure';
import { missingGateIssues } from '../../decision/gate-checks';
import { sourceIssues } from '../checks';
import { nearest } from '../../document/nearest';
import { caseIssues, judgeIssues, perturbedIssues, type Files } from './case-checks';
import { llmCanaryProblems } from './canary/checks';
import { canaryJudgeIssues } from './canary/judge-checks';
import { evaluationProblems } from '../../language/dimension/checks';
import type { LlmLifecycleSpec } from './llm-lifecycle';
import { writtenLlmCanary } from './canary/canary.schema';
import { methodProblems } from '../../rollout/method-problems';
import { readPrompt } from '../../prompt/document';
import { listVariables } from '../../prompt/render';
import { embeddedProvider } from '../../provider/document';
import { readSafetyPolicy } from '../../safety/policy-document';
import { searchProblem } from '../../prompt-search/request';

/** Errors across several parts of an LLM lifecycle and the files that it names. */
export function llmLifecycleIssues(
  spec: LlmLifecycleSpec,
  document: SourceDocument,
  files: Files,
): readonly Issue[] {
  return [
    ...sourceIssues(document),
    ...dataIssues(spec, document),
    ...standbyIssues(spec, document),
    ...promptIssues(spec, document, files),
    ...caseIssues(spec, document, files),
    ...safetyIssues(spec, files),
    ...evaluationIssues(spec, document),
    ...judgeIssues(spec, document, files),
    ...perturbedIssues(spec, document, files),
  ];
}

/** A standby must be another model, without fine-tuning, and needs gates to qualify by. */
function standbyIssues(
  { model, evaluate, fineTune }: LlmLifecycleSpec,
  { issueAt }: SourceDocument,
): readonly Issue[] {
  const { standby } = model;
  const at = ['spec', 'model', 'standby'];
  if (standby.length === 0) return [];
  const names = [{ provider: model.provider, model: model.name }, ...standby].map(
    (each) => `${each.provider} ${each.model}`,
  );
  const twice = names.flatMap((name, place) =>
    names.indexOf(name) < place
      ? [
          issueAt(
            [...at, place - 1],
            names[0] === name ? `${name} cannot be its own standby` : `${name} is listed twice`,
          ),
        ]
      : [],
  );
  const fineTuned = fineTune
    ? [
        issueAt(at, 'a fine-tuned model cannot have standbys, because they have no adapter', {
          expected: 'no standby',
        }),
      ]
    : [];
  const gateless =
    evaluate.gates.length === 0
      ? [
          issueAt(at, 'a standby must pass the gates, but spec.evaluate.gates is empty', {
            expected: 'a gate, or no standby',
          }),
        ]
      : [];
  return [...twice, ...fineTuned, ...gateless];
}

function promptIssues(
  { prompt: { candidates, input }, promptEval, index }: LlmLifecycleSpec,
  { issueAt }: SourceDocument,
  files: Files,
): readonly Issue[] {
  const at = ['spec', 'prompt', 'candidates'];
  const twice = candidates.flatMap((path, index) =>
    candidates.indexOf(path) < index ? [issueAt([...at, index], `${path} is listed twice`)] : [],
  );
  const read = candidates.flatMap((path, place): readonly Issue[] => {
    const text = files[path];
    if (text === undefined) return [];
    const prompt = readPrompt(text, path);
    if (!prompt.ok) return prompt.issues;
    const wanted = listVariables(prompt.value);
    const others = wanted.filter((name) => name !== input && name !== index?.variable);
    if (!wanted.includes(input))
      return [
        issueAt([...at, place], `${path} has no variable ${input}, which spec.prompt.input names`),
      ];
    if (others.length === 0) return [];
    const available =
      index === null
        ? `requests only provide ${input}`
        : `requests only provide ${input}, and the index ${index.variable}`;
    return [issueAt([...at, place], `${path} also uses ${others.join(', ')}, but ${available}`)];
  });
  const names = candidates.flatMap((path) => {
    const prompt = files[path] === undefined ? null : readPrompt(files[path], path);
    return prompt?.ok ? [{ path, name: prompt.value.name }] : [];
  });
  const named = names.flatMap(({ path, name }, index) => {
    const other = names.findIndex((each) => each.name === name);
    return other < index
      ? [
          issueAt(
            [...at, candidates.indexOf(path)],
            `${path} and ${names[other]?.path ?? ''} have the same name, ${name}`,
            { expected: 'a unique name' },
          ),
        ]
      : [];
  });
  const unasked =
    index !== null &&
    read.length === 0 &&
    !candidates.some((path) => asksIndex(files[path], path, index.variable))
      ? [
          issueAt(
            ['spec', 'index', 'variable'],
            `no prompt has the variable ${index.variable}, so no passages would be used`,
          ),
        ]
      : [];
  const alone = candidates.length > 1 && promptEval === null;
  const unchosen = alone
    ? [
        issueAt(
          at,
          `spec.prompt has ${candidates.length} candidates, but spec.promptEval is missing`,
          { expected: 'spec.promptEval.quality: the name of a dimension' },
        ),
      ]
    : [];
  const needless =
    candidates.length === 1 && promptEval !== null && !promptEval.search
      ? [
          issueAt(['spec', 'promptEval'], 'spec.promptEval has only one candidate to choose from', {
            expected: 'more candidates, or a search',
          }),
        ]
      : [];
  return [...twice, ...read, ...named, ...unasked, ...unchosen, ...needless];
}

function asksIndex(text: string | undefined, path: string, variable: string): boolean {
  const prompt = text === undefined ? null : readPrompt(text, path);
  return prompt?.ok === true && listVariables(prompt.value).includes(variable);
}

/** Errors in the index, the reranker and the fine-tuning, which name sources and providers. */
function dataIssues(
  { data, index, fineTune, model }: LlmLifecycleSpec,
  { issueAt }: SourceDocument,
): readonly Issue[] {
  const known = data?.sources.map(({ name }) => name) ?? [];
  const named: readonly (readonly [DocumentPath, string])[] = [
    ...(index ? [[['spec', 'index', 'documents'], index.documents] as const] : []),
    ...(index?.parity
      ? [[['spec', 'index', 'parity', 'questions'], index.parity.questions] as const]
      : []),
    ...(fineTune ? [[['spec', 'fineTune', 'examples'], fineTune.examples] as const] : []),
  ];
  const missing = named.flatMap(([at, name]) =>
    known.includes(name)
      ? []
      : [
          issueAt(at, `${formatPath(at)} is ${name}, but there is no such source`, {
            expected:
              known.length === 0 ? `spec.data.sources.${name}` : `one of ${known.join(', ')}`,
            didYouMean: nearest(name, known) ?? undefined,
          }),
        ],
  );
  const at = ['spec', 'index', 'rerank'];
  const reranker = [
    ...(index?.rerank && index.rerank.candidates < index.k
      ? [
          issueAt(
            [...at, 'candidates'],
            `spec.index.rerank.candidates is ${index.rerank.candidates}, fewer than ` +
              `spec.index.k, ${index.k}`,
          ),
        ]
      : []),
    ...(index?.rerank?.provider === embeddedProvider
      ? [
          issueAt([...at, 'provider'], 'the embedded model server has no reranker', {
            expected: 'a provider that serves POST /rerank',
          }),
        ]
      : []),
  ];
  const weights = fineTune?.by === (model.provider === embeddedProvider ? 'provider' : 'job');
  const elsewhere = weights
    ? [
        issueAt(
          ['spec', 'fineTune', 'by'],
          model.provider === embeddedProvider
            ? 'the embedded model has no fine-tuning API'
            : `a job cannot train an adapter for ${model.provider}: its weights are not available`,
          { expected: model.provider === embeddedProvider ? 'by: job' : 'by: provider' },
        ),
      ]
    : [];
  return [...elsewhere, ...missing, ...reranker];
}

/** Errors of the canary, named as in the document rather than as in the rollout's spec. */
export function canaryIssues(
  spec: LlmLifecycleSpec,
  document: SourceDocument,
  files: Files,
): readonly Issue[] {
  const { canary, prompt } = spec;
  const { issueAt } = document;
  const at = ['spec', 'canary'];
  const written = writtenLlmCanary.safeParse(valueAt(document.value, at));
  if (canary === null || !written.success) return [];
  const format = canary.guardrails.findIndex(({ name }) => name === 'format');
  const loose = prompt.candidates.filter(
    (path) => files[path] !== undefined && !promisesJson(files[path], path),
  );
  return [
    ...llmCanaryProblems(written.data).map(({ path, detail, expected }) =>
      issueAt([...at, ...path], detail, { expected }),
    ),
    ...methodProblems({
      ...canary,
      rule: canary.quality.rule,
      approvals: spec.promote.approval.required,
      // The method shadow has no step above 0, which callers need: refused above.
      dependsOnPrediction: canary.method !== 'shadow' && written.data.quality.from === 'callers',
    }).map(({ where, detail, expected }) =>
      issueAt([...at, ...where], `${formatPath([...at, ...where])} ${detail}`, { expected }),
    ),
    ...(format >= 0 && loose.length > 0
      ? [
          issueAt(
            [...at, 'guardrails', format],
            `the guardrail format needs an answer schema, and ${loose.join(', ')} has none`,
          ),
        ]
      : []),
    ...canaryJudgeIssues(spec, document, files),
  ];
}

function promisesJson(text: string, path: string): boolean {
  const read = readPrompt(text, path);
  // Its own errors are reported where the lifecycle names it.
  return !read.ok || read.value.answerSchema !== null;
}

function safetyIssues({ safety }: LlmLifecycleSpec, files: Files): readonly Issue[] {
  const text = safety === null ? undefined : files[safety];
  if (safety === null || text === undefined) return [];
  const read = readSafetyPolicy(text, safety);
  return read.ok ? [] : read.issues;
}

function evaluationIssues(
  { evaluate, promptEval, index }: LlmLifecycleSpec,
  document: SourceDocument,
): readonly Issue[] {
  const { issueAt } = document;
  const { dimensions, gates, ungated } = evaluate;
  const at = ['spec', 'evaluate'];
  const known = dimensions.map(({ name }) => name);
  const later = dimensions.flatMap(({ kind }, place) =>
    kind === 'retrieval' && index === null
      ? [
          issueAt([...at, 'dimensions', place, 'kind'], 'a retrieval dimension needs an index', {
            expected: 'spec.index',
          }),
        ]
      : [],
  );
  const quality =
    promptEval !== null && !known.includes(promptEval.quality)
      ? [
          issueAt(
            ['spec', 'promptEval', 'quality'],
            `there is no dimension ${promptEval.quality}`,
            { expected: `one of ${known.join(', ')}` },
          ),
        ]
      : [];
  const searched = promptEval?.search ? searchProblem({ spec: promptEval, dimensions }) : null;
  const search =
    searched === null || quality.length > 0
      ? []
      : [issueAt(['spec', 'promptEval', 'search'], searched)];
  const sampled =
    evaluate.first !== null && gates.some(({ kind }) => kind === 'allPass')
      ? [
          issueAt(
            [...at, 'first'],
            'spec.evaluate.first asks only some cases, but an allPass gate needs all of them',
            { expected: 'no first' },
          ),
        ]
      : [];
  const gated = missingGateIssues(document, { gates: gates.length, isUngated: ungated !== null });
  const problems = evaluationProblems(dimensions, gates).map(({ path, detail, didYouMean }) =>
    issueAt([...at, ...path], detail, { didYouMean }),
  );
  return [...later, ...quality, ...search, ...gated, ...sampled, ...problems];
}

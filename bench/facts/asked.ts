/** Questions to one bundle, answered as an evaluation of it would. */
import type { Answerer } from '../../data/language/evaluation/answerer';
import { evaluateCases } from '../../data/language/evaluation/evaluate-cases';
import { createEvaluatorTools } from '../../data/language/evaluation/evaluator-tools';
import { computeDigest } from '../../data/digest';
import type { EvaluationCase } from '../../domain/language/cases/case';
import type { RetrievedPassage } from '../../domain/language/judge/evaluator-input';
import type { CaseResult } from '../../domain/language/evaluation/result';

export interface AssistantResults {
  readonly results: readonly CaseResult[];
  /** The passages that the prompt contained, by question id; absent without passages. */
  readonly shown: ReadonlyMap<string, readonly RetrievedPassage[]>;
}

export async function ask(
  name: string,
  {
    answerer,
    cases,
    parallel,
    signal,
  }: {
    readonly answerer: Answerer;
    readonly cases: readonly EvaluationCase[];
    readonly parallel: number;
    readonly signal: AbortSignal;
  },
): Promise<AssistantResults> {
  const shown = new Map<string, readonly RetrievedPassage[]>();
  let said = performance.now();
  const results = await evaluateCases({
    cases,
    caseSet: computeDigest(cases),
    dimensions: [{ name: 'f1', kind: 'f1' }],
    judges: {},
    tools: createEvaluatorTools(null),
    parallel,
    signal,
    async answerer(of, asked) {
      const given = await answerer(of, asked);
      shown.set(of.id, given.retrieved);
      return given;
    },
    onProgress({ asked, of, fromLedger }) {
      if (asked < of && performance.now() - said < 15_000) return;
      said = performance.now();
      process.stderr.write(
        `${name}: ${asked} of ${of} answered, ${fromLedger} of them before this run\n`,
      );
    },
  });
  return { results, shown };
}

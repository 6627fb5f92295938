import type { Digest } from '../../domain/artifact';
import type { ChatMessage, Sampling } from '../../domain/chat/chat';
import { expectedAnswers, type EvaluationCase } from '../../domain/language/cases/case';
import type { CaseResult } from '../../domain/language/evaluation/result';
import { isPerennialError } from '../../domain/failure';
import type { PromptTemplate } from '../../domain/prompt/prompt';
import { fewShotVariants } from '../../domain/prompt-search/draw-examples';
import { gridVariants } from '../../domain/prompt-search/grid';
import {
  applyMutation,
  mutationMessages,
  mutationSchema,
  type WrongAnswer,
} from '../../domain/prompt-search/mutation';
import type { MutateSpec, SearchSpec } from '../../domain/prompt-search/search';
import type { Variant, VariantOrigin } from '../../domain/prompt-search/variant';
import type { Random } from '../../domain/statistics/random';
import { computeDigest } from '../digest';
import type { LedgerAccess } from '../language/reranker';
import type { ModelTarget } from '../language/attempt';

/** Asks a model for a changed instruction. Returns null when the answer cannot be used. */
export type Mutator = (messages: readonly ChatMessage[], child: number) => Promise<string | null>;

/** The children of one parent are repeats of one question, so the temperature must be above 0. */
export function createMutator({
  asking,
  target,
  sampling,
}: {
  readonly asking: LedgerAccess;
  readonly target: ModelTarget;
  readonly sampling: Sampling;
}): Mutator {
  const { chat, ...shared } = asking;
  return async (messages, child) => {
    try {
      const question = { messages, sampling, jsonSchema: mutationSchema };
      const { answer } = await chat.ask({
        ...shared,
        route: [target],
        question,
        promptDigest: null,
        repeat: child,
      });
      return answer.text;
    } catch (error) {
      if (
        isPerennialError(error) &&
        [
          'AnswerInvalid',
          'AnswerLost',
          'AnswerWithheld',
          'ContextOverflow',
          'ProviderRefused',
          'ProviderTimeout',
        ].includes(error.type)
      )
        return null;
      throw error;
    }
  };
}

/**
 * The first prompt and all variants that need no measurements. The proposers alternate, so that a
 * small search has variants of each.
 */
export function firstVariants(given: {
  readonly first: PromptTemplate;
  readonly spec: SearchSpec;
  readonly pool: readonly EvaluationCase[];
  readonly random: Random;
}): readonly Variant[] {
  const { first, spec, pool, random } = given;
  const lists = spec.proposers.map((proposer): readonly Variant[] => {
    switch (proposer.kind) {
      case 'grid':
        return gridVariants(first, proposer.axes, spec.variants).map((template) =>
          variant(template, 'grid', first),
        );
      case 'fewShot':
        return fewShotVariants(first, {
          pool,
          sizes: proposer.sizes,
          draws: proposer.draws,
          random,
        }).map((template) => variant(template, 'fewShot', first));
      case 'mutate':
        return [];
    }
  });
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  const inTurn = Array.from({ length: longest }, (_, index) =>
    lists.flatMap((list) => list.slice(index, index + 1)),
  ).flat();
  return [variant(first, 'first', null), ...inTurn];
}

/** Mutate the best variants so far. */
export async function mutations(given: {
  readonly spec: SearchSpec;
  readonly openMutator: (proposer: MutateSpec) => Mutator;
  readonly parents: readonly Variant[];
  readonly results: ReadonlyMap<Digest, readonly CaseResult[]>;
  readonly cases: readonly EvaluationCase[];
  /**
   * The limit of children. A late child is expensive: it is asked all cases of the earlier rounds.
   */
  readonly max: number;
}): Promise<readonly Variant[]> {
  const { spec, openMutator, parents, results, cases, max } = given;
  const children: Variant[] = [];
  let left = max;
  for (const proposer of spec.proposers) {
    if (proposer.kind !== 'mutate') continue;
    const mutator = openMutator(proposer);
    for (const parent of parents.slice(0, proposer.parents)) {
      const messages = mutationMessages(
        parent.template,
        listWrongAnswers(results.get(parent.id) ?? [], cases, spec.quality),
      );
      const wanted = Math.min(proposer.children, left);
      left -= wanted;
      const answers = await Promise.all(
        Array.from({ length: wanted }, (_, child) => mutator(messages, child)),
      );
      for (const answer of answers) {
        const child = answer === null ? null : applyMutation(parent.template, answer);
        if (child) children.push(variant(child, 'mutate', parent.template));
      }
    }
  }
  return children;
}

function listWrongAnswers(
  results: readonly CaseResult[],
  cases: readonly EvaluationCase[],
  quality: string,
): readonly WrongAnswer[] {
  const byId = new Map(cases.map((each) => [each.id, each]));
  return results.flatMap(({ id, answer, scores }): readonly WrongAnswer[] => {
    const [of, score] = [byId.get(id), scores[quality]];
    if (!of || answer === null || score?.kind !== 'scored' || score.value >= 0.5) return [];
    const expected = expectedAnswers(of.expected)[0] ?? of.expected.label ?? score.detail ?? '';
    return [{ question: Object.values(of.input).map(String).join('\n'), answer, expected }];
  });
}

function variant(
  template: PromptTemplate,
  kind: VariantOrigin['kind'],
  parent: PromptTemplate | null,
): Variant {
  return {
    id: computeDigest(template),
    template,
    origin: { kind, parent: parent && computeDigest(parent) },
  };
}

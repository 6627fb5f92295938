import { isPerennialError } from '../../../domain/failure';
import type { Sampling } from '../../../domain/chat/chat';
import type { DimensionSpec } from '../../../domain/language/dimension/dimension';
import type { EvaluatorTools } from '../../../domain/language/judge/evaluator-input';
import {
  paraphraseIn,
  paraphraseMessages,
  paraphraseProblem,
  paraphraseSchema,
  type ParaphraseSpec,
} from '../../../domain/language/dimension/paraphrase';
import { cosine } from '../../../domain/language/dimension/similarity';
import type { LedgerAccess } from '../reranker';

export type ParaphraseResult =
  | { readonly kind: 'kept'; readonly text: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** Returns a paraphrase of the text, or why no paraphrase can replace it. */
export type Paraphraser = (
  text: string,
  spec: ParaphraseSpec,
  signal?: AbortSignal,
) => Promise<ParaphraseResult>;

/** The attempts for one text. */
const tries = 3;
/** A temperature above 0, so that each attempt gives another paraphrase. */
const sampling: Sampling = { temperature: 0.7, topP: 1, maxTokens: 512, seed: null, stop: [] };

/**
 * Paraphrase through the call ledger, so that all runs share one paraphrase of a text and pay it
 * once. Without `embed` the meaning is not compared, only the letters.
 */
export function createParaphraser(
  asking: LedgerAccess,
  embed: EvaluatorTools['embed'],
): Paraphraser {
  const { chat, ...shared } = asking;
  return async (text, { provider, model, minSimilarity }, signal) => {
    let reason = '';
    for (let repeat = 0; repeat < tries; repeat += 1) {
      const said = await ask(repeat);
      if (said.kind === 'refused') reason = said.reason;
      else {
        const problem = paraphraseProblem(text, said.text) ?? (await farFrom(said.text));
        if (problem === null) return said;
        reason = problem;
      }
    }
    return { kind: 'refused', reason };

    async function ask(repeat: number): Promise<ParaphraseResult> {
      const question = {
        messages: paraphraseMessages(text),
        sampling,
        jsonSchema: paraphraseSchema,
      };
      try {
        const { answer } = await chat.ask({
          ...shared,
          route: [{ provider, model }],
          question,
          promptDigest: null,
          repeat,
          ...(signal && { signal }),
        });
        const paraphrase = paraphraseIn(answer.text);
        return paraphrase === null
          ? { kind: 'refused', reason: 'no paraphrase was given' }
          : { kind: 'kept', text: paraphrase };
      } catch (error) {
        // These failures depend on the text. A timeout or a lost answer does not; it ends the
        // attempt, so that all candidates are asked the same questions.
        if (
          isPerennialError(error) &&
          ['AnswerInvalid', 'AnswerWithheld', 'ContextOverflow', 'ProviderRefused'].includes(
            error.type,
          )
        )
          return {
            kind: 'refused',
            reason: error.type === 'AnswerInvalid' ? 'no paraphrase was given' : error.type,
          };
        throw error;
      }
    }

    async function farFrom(paraphrase: string): Promise<string | null> {
      if (embed === null) return null;
      const [a, b] = await embed([text, paraphrase]);
      // Without a vector the similarity is unknown.
      return a && b && cosine(a, b) >= minSimilarity ? null : 'another meaning';
    }
  };
}

/** The paraphrase perturbations of all robustness dimensions. */
export function paraphrasersIn(dimensions: readonly DimensionSpec[]): readonly ParaphraseSpec[] {
  const perturbations = dimensions.flatMap((each) =>
    each.kind === 'robustness' ? each.perturbations : [],
  );
  return perturbations.filter((each): each is ParaphraseSpec => each.kind === 'paraphrase');
}

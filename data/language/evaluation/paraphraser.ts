import { isPerennialError } from '../../../domain/failure';
import type { Sampling } from '../../../domain/language/chat';
import type { DimensionSpec } from '../../../domain/language/dimension/dimension';
import type { EvaluatorTools } from '../../../domain/language/judge/judged-case';
import {
  paraphraseIn,
  paraphraseMessages,
  paraphraseProblem,
  paraphraseSchema,
  type ParaphraseSpec,
} from '../../../domain/language/dimension/paraphrase';
import { cosine } from '../../../domain/language/dimension/similarity';
import type { Asking } from './answerer';

export type Paraphrased =
  | { readonly kind: 'kept'; readonly text: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** What a text becomes in other words, or why none of them may stand in its place. */
export type Paraphraser = (
  text: string,
  spec: ParaphraseSpec,
  signal?: AbortSignal,
) => Promise<Paraphrased>;

/** Tried so often with one text: a model that cannot say it otherwise is not asked for ever. */
const tries = 3;
/** Other words each time, so that a refused paraphrase is followed by another. */
const sampling: Sampling = { temperature: 0.7, topP: 1, maxTokens: 512, seed: null, stop: [] };

/**
 * Through the ledger: a text is paraphrased once by a model and paid once, whoever is measured with
 * it, and a later run asks the very same. `embed`: null where there is no embedder; then the
 * letters decide alone.
 */
export function createParaphraser(asking: Asking, embed: EvaluatorTools['embed']): Paraphraser {
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

    async function ask(repeat: number): Promise<Paraphrased> {
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
        // Of this text: the next may be said otherwise. A timeout and a lost answer are of the
        // moment, and end the attempt: who is measured in a better one would be asked other
        // questions.
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
      // No vector, no likeness.
      return a && b && cosine(a, b) >= minSimilarity ? null : 'another meaning';
    }
  };
}

/** Who is asked for paraphrases. */
export function paraphrasersIn(dimensions: readonly DimensionSpec[]): readonly ParaphraseSpec[] {
  const perturbations = dimensions.flatMap((each) =>
    each.kind === 'robustness' ? each.perturbations : [],
  );
  return perturbations.filter((each): each is ParaphraseSpec => each.kind === 'paraphrase');
}

import { failure } from '../../domain/failure';
import { logOdds, type LinearClassifier, type TextFeatures } from '../../domain/llm/safety/linear-classifier';
import { nGramsOf } from '../../domain/llm/safety/n-grams';
import { windowsOf } from '../../domain/llm/safety/windows';
import { plainForms } from './plain-forms';

/** A text in a sentence embedder's space. */
export type EmbedTexts = (texts: readonly string[]) => Promise<readonly Float32Array[]>;

/** Windows of a text that are embedded, the ones first that look worst by their words: each takes ten milliseconds or more. */
const mostEmbedded = 8;
/** Windows between which others get their turn on this thread. */
const windowsInTurn = 64;

/** The highest log-odds among the windows of the text's forms: what one sentence says is not thinned by the rest. −∞ for a text without letters. */
export async function oddsByWords(classifier: LinearClassifier, text: string): Promise<number> {
  return (await rankedWindows(classifier, text))[0]?.odds ?? -Infinity;
}

/** The same with embeddings, `words` choosing the windows that are worth one. */
export async function oddsByMeaning(
  classifier: LinearClassifier,
  { words, embed, text }: { readonly words: LinearClassifier; readonly embed: EmbedTexts; readonly text: string },
): Promise<number> {
  const windows = (await rankedWindows(words, text)).slice(0, mostEmbedded);
  const vectors = await embed(windows.map(({ window }) => window));
  return windows.reduce(
    (worst, { features }, at) => Math.max(worst, logOdds(classifier, { ...features, vector: vectors[at] ?? null })),
    -Infinity,
  );
}

/** What a detector looks at in a text. @throws InvalidInput for bytes that are no text: nothing can be said of them, so the policy decides */
export function readableWindows(text: string): readonly string[] {
  const unreadable = text.match(/[\p{Cc}\p{Co}\p{Cn}\uFFFD]/gu)?.filter((character) => !/\s/.test(character)).length ?? 0;
  if (unreadable > 0.3 * text.length) throw failure('InvalidInput', 'a detector was given bytes that are no text');
  return [...new Set(plainForms(text).flatMap(windowsOf))];
}

async function rankedWindows(classifier: LinearClassifier, text: string) {
  const ranked: { readonly window: string; readonly features: TextFeatures; readonly odds: number }[] = [];
  for (const [at, window] of readableWindows(text).entries()) {
    if (at % windowsInTurn === windowsInTurn - 1) await new Promise((resolve) => setImmediate(resolve));
    const features = { nGrams: nGramsOf(window), vector: null };
    ranked.push({ window, features, odds: logOdds(classifier, features) });
  }
  return ranked.sort((a, b) => b.odds - a.odds);
}

import { failure } from '../../domain/failure';
import {
  logOdds,
  type LinearClassifier,
  type TextFeatures,
} from '../../domain/safety/linear-classifier';
import { hashNGrams } from '../../domain/safety/n-grams';
import { splitSentences, outlierOdds, selectSentences } from '../../domain/safety/sentences';
import { splitWindows } from '../../domain/safety/windows';
import { selectWindowsToEmbed, worstOdds } from '../../domain/safety/worst-window';
import { plainForms } from './plain-forms';

/** Embeds texts with the sentence embedder. */
export type EmbedTexts = (texts: readonly string[]) => Promise<readonly Float32Array[]>;

export interface ReadWindow extends TextFeatures {
  readonly text: string;
}

/** The number of windows after which other work on this thread gets a turn. */
const windowsInTurn = 64;

export async function oddsByWords(words: LinearClassifier, text: string): Promise<number> {
  return worstOdds(words, await readWindows(text));
}

/** The log-odds by meaning; embeds only the windows that look worst by their words. */
export async function oddsByMeaning(
  meaning: LinearClassifier,
  {
    words,
    embed,
    text,
  }: { readonly words: LinearClassifier; readonly embed: EmbedTexts; readonly text: string },
): Promise<number> {
  return oddsOfWindows(meaning, await suspiciousWindows(words, text), embed);
}

/** The windows that look worst by their words. */
export async function suspiciousWindows(
  words: LinearClassifier,
  text: string,
): Promise<readonly ReadWindow[]> {
  return selectWindowsToEmbed(words, await readWindows(text));
}

export async function oddsOfWindows(
  meaning: LinearClassifier,
  windows: readonly ReadWindow[],
  embed: EmbedTexts,
): Promise<number> {
  const vectors = await embed(windows.map((window) => window.text));
  return worstOdds(
    meaning,
    windows.map((window, at) => ({ ...window, vector: vectors[at] ?? null })),
  );
}

/** The most informative sentences by their words; none for a text of one sentence. */
export async function informativeSentences(
  classifier: LinearClassifier,
  text: string,
): Promise<readonly ReadWindow[]> {
  const all = await readSentences(text);
  return all.length < 2 ? [] : selectSentences(all, (each) => logOdds(classifier, each));
}

/** How far one of the sentences stands out from the others, in log-odds; −∞ when there are none. */
export async function sentenceOutlierOdds(
  classifier: LinearClassifier,
  { embed, sentences }: { readonly embed: EmbedTexts; readonly sentences: readonly ReadWindow[] },
): Promise<number> {
  if (sentences.length === 0) return -Infinity;
  const vectors = await embed(sentences.map((each) => each.text));
  return outlierOdds(
    sentences.map((each, at) => logOdds(classifier, { ...each, vector: vectors[at] ?? null })),
  );
}

/** The windows of a text that a detector classifies. */
export async function readWindows(text: string): Promise<readonly ReadWindow[]> {
  return inTurns(readableWindows(text));
}

/**
 * The distinct sentences of a text in all plain forms. Line by line, because a line break ends a
 * sentence and is lost in the plain forms.
 */
export async function readSentences(text: string): Promise<readonly ReadWindow[]> {
  return inTurns(
    new Set(text.split(/[\r\n]+/).flatMap((line) => plainForms(line).flatMap(splitSentences))),
  );
}

async function inTurns(texts: Iterable<string>): Promise<readonly ReadWindow[]> {
  const read: ReadWindow[] = [];
  for (const text of texts) {
    if (read.length % windowsInTurn === windowsInTurn - 1)
      await new Promise((resolve) => setImmediate(resolve));
    read.push({ text, nGrams: hashNGrams(text), vector: null });
  }
  return read;
}

/** @throws InvalidInput for bytes that are not text; the policy then decides */
export function readableWindows(text: string): readonly string[] {
  const unreadable =
    text.match(/[\p{Cc}\p{Co}\p{Cn}\uFFFD]/gu)?.filter((character) => !/\s/.test(character))
      .length ?? 0;
  if (unreadable > 0.3 * text.length)
    throw failure('InvalidInput', 'a detector received bytes that are not text');
  return [...new Set(plainForms(text).flatMap(splitWindows))];
}

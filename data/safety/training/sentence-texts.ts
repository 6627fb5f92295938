import { logOdds, type LinearClassifier } from '../../../domain/safety/linear-classifier';
import { maxSentences, outlierOdds } from '../../../domain/safety/sentences';
import { sha256 } from '../../digest';
import type { Embedder } from '../../index/embedders/embedder';
import type { SentenceHead } from '../classifier-file';
import { readSentences } from '../classify';
import type { HeldOutText } from './cross-fit';
import { listFolds } from './folds';
import { readSummaries, type LabelledText } from './labelled-texts';
import { readPackageDocs } from './package-docs';
import { embedWindows, type ReadText } from './read-texts';
import { trainHead } from './train-head';

/** The characters that are read of a text; further sentences add nothing new. */
const maxCharacters = 20_000;

/** Harmless documents that resemble retrieved passages. */
export async function readParagraphs(): Promise<readonly LabelledText[]> {
  return [...(await readSummaries()), ...readPackageDocs()];
}

/** Texts with their sentences as windows; for long texts an evenly spaced sample. */
export async function readSentenceTexts(
  texts: readonly LabelledText[],
  embedder: Embedder,
): Promise<readonly ReadText[]> {
  const read: Omit<ReadText, 'digest' | 'plain'>[] = [];
  for (const text of texts) {
    const all = await readSentences(text.text.slice(0, maxCharacters));
    const step = Math.max(1, all.length / maxSentences);
    const some = Array.from(
      { length: Math.min(all.length, maxSentences) },
      (_, at) => all[Math.floor(at * step)],
    );
    read.push({ ...text, windows: some.flatMap((each) => each ?? []) });
  }
  const vectors = await embedWindows(
    [...new Set(read.flatMap(({ windows }) => windows.map(({ text }) => text)))],
    embedder,
  );
  return read.map((text) => ({
    ...text,
    windows: text.windows.map((window) => ({
      ...window,
      vector: vectors.get(window.text) ?? null,
    })),
    plain: text.windows.length,
    digest: sha256(
      JSON.stringify([
        'sentences',
        embedder.identity.digest,
        text.windows.map((window) => window.text),
      ]),
    ),
  }));
}

const documents: readonly string[] = ['wiki-summaries', 'package-docs', 'bool-q', 'narrative-qa'];

/** Passages of an encyclopedia, of documentation and of stories. */
function isDocument({ source }: LabelledText): boolean {
  return documents.includes(source);
}

export interface SentenceFold {
  readonly fold: number;
  readonly sources: readonly string[];
  readonly classifier: LinearClassifier;
}

/** Train a classifier for each fold on the sentences of all other sources. */
export function trainSentenceFolds(
  head: SentenceHead,
  texts: readonly ReadText[],
  onFold: (fold: number) => void,
): readonly SentenceFold[] {
  return listFolds(head).map((sources, fold) => {
    const seen = texts.filter(({ source }) => !sources.includes(source));
    const classifier = trainHead(head, seen, 'meaning');
    onFold(fold);
    return { fold, sources, classifier };
  });
}

/** Classify documents as the detector does, each by the fold that has not seen its source. */
export function judgeDocuments(
  folds: readonly SentenceFold[],
  texts: readonly ReadText[],
): readonly HeldOutText[] {
  return folds.flatMap(({ fold, sources, classifier }) =>
    texts
      .filter((text) => isDocument(text) && sources.includes(text.source))
      .map((text) => ({ text, fold, odds: oddsOfSentences(classifier, text.windows) })),
  );
}

/** How far a sentence stands out; −∞ for a text of one sentence, which is classified as a whole. */
export function oddsOfSentences(
  classifier: LinearClassifier,
  sentences: ReadText['windows'],
): number {
  return sentences.length < 2
    ? -Infinity
    : outlierOdds(sentences.map((each) => logOdds(classifier, each)));
}

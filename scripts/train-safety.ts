/**
 * Trains the classifiers of safety policies from the provisioned data sets and writes
 * data/safety/prompt-classifiers.json. Equal sets give equal bytes.
 */
import { writeFile } from 'node:fs/promises';
import { computeDigest, digestOfFile } from '../data/digest';
import { openMiniLm } from '../data/index/embedders/minilm';
import { llmDataPath } from '../data/language/runtime-module';
import {
  classifierPath,
  heads,
  sentenceHeads,
  readings,
  trainCommand,
  writeClassifiers,
  type Head,
  type Reading,
  type SentenceHead,
  type TrainedHead,
} from '../data/safety/classifier-file';
import { judgeHeldOut, computeThresholds, trainFolds } from '../data/safety/training/cross-fit';
import { readAnswerTexts, readPrompts } from '../data/safety/training/labelled-texts';
import {
  judgeDocuments,
  readParagraphs,
  readSentenceTexts,
  trainSentenceFolds,
} from '../data/safety/training/sentence-texts';
import { readTexts, type ReadText } from '../data/safety/training/read-texts';
import { labelFor, trainHead } from '../data/safety/training/train-head';

async function main(): Promise<void> {
  const embedder = await openMiniLm();
  const prompts = await readTexts(await readPrompts(), embedder);
  const answers = await readTexts(await readAnswerTexts(), embedder);
  const selectTexts = (head: Head) => (head === 'harmfulAnswer' ? answers : prompts);
  const trained = heads.map((head) => [head, trainedBoth(head, selectTexts(head))] as const);
  const paragraphs = await readParagraphs();
  const sentences = await readSentenceTexts([...(await readPrompts()), ...paragraphs], embedder);
  const bySentence = sentenceHeads.map(
    (head) => [head, trainedBySentence(head, sentences)] as const,
  );
  const counts = heads.map((head) => {
    const labels = selectTexts(head).map((text) => labelFor(head, text));
    const count = (label: string) => labels.filter((each) => each === label).length;
    return [head, { positive: count('positive'), negative: count('negative') }] as const;
  });
  const digest = async (file: string) => (await digestOfFile(llmDataPath(file))).digest;
  const file = writeClassifiers({
    provenance: {
      command: trainCommand,
      prompts: await digest('safety-prompts.parquet'),
      answers: await digest('safety-answers.parquet'),
      documents: computeDigest(paragraphs.map(({ text }) => text)),
      embedder: embedder.identity.digest,
      texts: Object.fromEntries(counts) as Record<Head, { positive: number; negative: number }>,
    },
    heads: Object.fromEntries(trained) as Record<
      Head,
      { words: TrainedHead; meaning: TrainedHead }
    >,
    sentences: Object.fromEntries(bySentence) as Record<SentenceHead, TrainedHead>,
  });
  await writeFile(classifierPath, file);
  await embedder.close();
  say(`${classifierPath}: ${file.length} bytes`);
}

function trainedBoth(
  head: Head,
  texts: readonly ReadText[],
): { readonly words: TrainedHead; readonly meaning: TrainedHead } {
  const pairs = trainFolds(head, texts, {
    features: readings,
    onFold: (fold) => say(`${head}: without fold ${fold + 1}`),
  });
  const trained = (features: Reading): TrainedHead => ({
    classifier: trainHead(head, texts, features),
    thresholds: computeThresholds(
      head,
      judgeHeldOut(
        pairs.filter((pair) => pair.features === features),
        texts,
      ),
    ),
  });
  return { words: trained('words'), meaning: trained('meaning') };
}

function trainedBySentence(head: SentenceHead, texts: readonly ReadText[]): TrainedHead {
  const folds = trainSentenceFolds(head, texts, (fold) =>
    say(`${head}, sentences: without fold ${fold + 1}`),
  );
  return {
    classifier: trainHead(head, texts, 'meaning'),
    thresholds: computeThresholds(head, judgeDocuments(folds, texts)),
  };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});

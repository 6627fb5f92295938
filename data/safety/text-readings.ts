import type { Finding, PersonalDataType } from '../../domain/safety/policy';
import { memoizeUnlessFailed } from '../share-in-flight';
import { findPhrases } from './blocklist';
import {
  readClassifiers,
  type ClassifierFile,
  type Head,
  type SentenceHead,
} from './classifier-file';
import {
  oddsByWords,
  readableWindows,
  suspiciousWindows,
  informativeSentences,
  type ReadWindow,
} from './classify';
import { quotesInjection } from './injection-phrases';
import { findPersonalData } from './personal-data';
import { findSecrets } from './secrets';

/**
 * The parts of detectors whose time grows with the text, which a sender can make long. They take
 * and return plain data, so that they can run in another thread. `classifiers` is the path of the
 * weights.
 */
const textReadings = {
  personalData: ({
    text,
    types,
  }: ReadingOf<{ types: readonly PersonalDataType[] }>): readonly Finding[] =>
    findPersonalData(text, types),
  secrets: ({ text }: ReadingOf): readonly Finding[] => findSecrets(text),
  phrases: ({ text, phrases }: ReadingOf<{ phrases: readonly string[] }>): readonly Finding[] =>
    findPhrases(text, phrases),
  quotesInjection: ({ text }: ReadingOf): boolean => quotesInjection(text),
  windows: ({ text, max }: ReadingOf<{ max: number }>): readonly string[] =>
    readableWindows(text).slice(0, max),
  wordOdds: async ({
    text,
    classifiers,
    head,
  }: ReadingOf<{ classifiers: string; head: Head }>): Promise<number> =>
    oddsByWords((await weights(classifiers)).heads[head].words.classifier, text),
  suspiciousWindows: async ({
    text,
    classifiers,
    head,
  }: ReadingOf<{ classifiers: string; head: Head }>): Promise<readonly ReadWindow[]> =>
    suspiciousWindows((await weights(classifiers)).heads[head].words.classifier, text),
  tellingSentences: async ({
    text,
    classifiers,
    head,
  }: ReadingOf<{ classifiers: string; head: SentenceHead }>): Promise<readonly ReadWindow[]> =>
    informativeSentences((await weights(classifiers)).sentences[head].classifier, text),
};

type ReadingOf<More = unknown> = { readonly text: string } & Readonly<More>;
type Readings = typeof textReadings;

export type ReadingName = keyof Readings;
export type ReadingInput<Name extends ReadingName> = Parameters<Readings[Name]>[0];
export type ReadingOutput<Name extends ReadingName> = Awaited<ReturnType<Readings[Name]>>;

export async function readText<Name extends ReadingName>({
  reading,
  input,
}: {
  readonly reading: Name;
  readonly input: ReadingInput<Name>;
}): Promise<ReadingOutput<Name>> {
  const read = textReadings[reading] as (
    given: ReadingInput<Name>,
  ) => ReadingOutput<Name> | Promise<ReadingOutput<Name>>;
  return read(input);
}

const files = new Map<string, Promise<ClassifierFile>>();

/** The weights, read once per thread. A failure is retried by the next call. */
export function weights(path: string): Promise<ClassifierFile> {
  return memoizeUnlessFailed(files, path, () => readClassifiers(path));
}

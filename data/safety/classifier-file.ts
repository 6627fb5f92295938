import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { LinearClassifier } from '../../domain/safety/linear-classifier';
import { computeDigest } from '../digest';

/** The classifiers: injections, harmful requests, and harmful answers. */
export const heads = ['injection', 'harmful', 'harmfulAnswer'] as const;
export type Head = (typeof heads)[number];
export const readings = ['words', 'meaning'] as const;
export type Reading = (typeof readings)[number];

export interface TrainedHead {
  readonly classifier: LinearClassifier;
  readonly thresholds: readonly Threshold[];
}

/** Heads that also classify the sentences of a passage, to find an attack in a harmless text. */
export const sentenceHeads = ['injection', 'harmful'] as const satisfies readonly Head[];
export type SentenceHead = (typeof sentenceHeads)[number];

type BothReadings<T> = Readonly<Record<Reading, T>>;

/** The log-odds that this share of harmless texts of unseen sources exceeds. Sorted by share. */
export interface Threshold {
  readonly falseAlarms: number;
  readonly odds: number;
}

/** How the weights were trained, and on which data. */
export interface ClassifierProvenance {
  readonly command: string;
  readonly prompts: Digest;
  readonly answers: Digest;
  /** Harmless paragraphs of an encyclopedia and of package documentation. */
  readonly documents: Digest;
  /** The embedder of the vectors. */
  readonly embedder: Digest;
  readonly texts: Readonly<Record<Head, { readonly positive: number; readonly negative: number }>>;
}

export interface ClassifierFile {
  readonly digest: Digest;
  readonly provenance: ClassifierProvenance;
  readonly heads: Readonly<Record<Head, BothReadings<TrainedHead>>>;
  /** Read by meaning. The thresholds apply to how far a sentence stands out in its passage. */
  readonly sentences: Readonly<Record<SentenceHead, TrainedHead>>;
}

export const classifierPath = join(__dirname, 'prompt-classifiers.json');
export const trainCommand = 'npm run train:safety';

/** @throws PlatformUnavailable without the file, ModelUnloadable when its digest is wrong */
export async function readClassifiers(path: string): Promise<ClassifierFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw failure(
      'PlatformUnavailable',
      `the classifiers of the safety policy do not exist: ${path}`,
      { next: trainCommand, cause },
    );
  }
  let written: WrittenFile;
  try {
    written = JSON.parse(text) as WrittenFile;
  } catch (cause) {
    throw failure('ModelUnloadable', `${path} is not JSON`, { next: trainCommand, cause });
  }
  const { digest, ...rest } = written;
  if (digest !== computeDigest(rest))
    throw failure('ModelUnloadable', `the content of ${path} does not match its digest`, {
      next: trainCommand,
    });
  return {
    digest,
    provenance: rest.provenance,
    heads: eachHead(rest.heads, unpackHead),
    sentences: eachSentenceHead(rest.sentences, unpackHead),
  };
}

export function writeClassifiers(file: Omit<ClassifierFile, 'digest'>): string {
  const { provenance } = file;
  const rest = {
    provenance,
    heads: eachHead(file.heads, packHead),
    sentences: eachSentenceHead(file.sentences, packHead),
  };
  return `${JSON.stringify({ digest: computeDigest(rest), ...rest }, null, 2)}\n`;
}

function eachHead<T, U>(
  of: Readonly<Record<Head, BothReadings<T>>>,
  change: (head: T) => U,
): Record<Head, BothReadings<U>> {
  const both = ({ words, meaning }: BothReadings<T>) => ({
    words: change(words),
    meaning: change(meaning),
  });
  return {
    injection: both(of.injection),
    harmful: both(of.harmful),
    harmfulAnswer: both(of.harmfulAnswer),
  };
}

function eachSentenceHead<T, U>(
  { injection, harmful }: Readonly<Record<SentenceHead, T>>,
  change: (head: T) => U,
): Record<SentenceHead, U> {
  return { injection: change(injection), harmful: change(harmful) };
}

/** The weights as 8-bit integers in Base64, to be multiplied by `scale`. */
interface PackedWeights {
  readonly scale: number;
  readonly weights: string;
}

interface PackedHead {
  readonly bias: number;
  readonly nGrams: PackedWeights | null;
  readonly vector: PackedWeights | null;
  readonly thresholds: readonly Threshold[];
}

interface WrittenFile {
  readonly digest: Digest;
  readonly provenance: ClassifierProvenance;
  readonly heads: Readonly<Record<Head, BothReadings<PackedHead>>>;
  readonly sentences: Readonly<Record<SentenceHead, PackedHead>>;
}

function packHead({ classifier: { bias, nGrams, vector }, thresholds }: TrainedHead): PackedHead {
  return {
    bias,
    nGrams: nGrams && packedWeights(nGrams),
    vector: vector && packedWeights(vector),
    thresholds,
  };
}

function unpackHead({ bias, nGrams, vector, thresholds }: PackedHead): TrainedHead {
  return {
    classifier: {
      bias,
      nGrams: nGrams && unpackedWeights(nGrams),
      vector: vector && unpackedWeights(vector),
    },
    thresholds,
  };
}

function packedWeights(weights: Float32Array): PackedWeights {
  const largestWeight = weights.reduce((largest, weight) => Math.max(largest, Math.abs(weight)), 0);
  const scale = largestWeight === 0 ? 1 : largestWeight / 127;
  const bytes = Int8Array.from(weights, (weight) => Math.round(weight / scale));
  return { scale, weights: Buffer.from(bytes.buffer).toString('base64') };
}

function unpackedWeights({ scale, weights }: PackedWeights): Float32Array {
  const bytes = Buffer.from(weights, 'base64');
  return Float32Array.from(
    new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length),
    (weight) => weight * scale,
  );
}

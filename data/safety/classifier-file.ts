import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { LinearClassifier } from '../../domain/llm/safety/linear-classifier';
import { digestOf } from '../digest';

/** Injections, requests for harm, and answers that give it. */
export const heads = ['injection', 'harmful', 'harmfulAnswer'] as const;
export type Head = (typeof heads)[number];
export const readings = ['words', 'meaning'] as const;
export type Reading = (typeof readings)[number];

export interface TrainedHead {
  readonly classifier: LinearClassifier;
  readonly thresholds: readonly Threshold[];
}

/** The log-odds beyond which this share of harmless texts of unseen sources lies. By rising share. */
export interface Threshold {
  readonly falseAlarms: number;
  readonly odds: number;
}

/** What the weights were made from and by. */
export interface ClassifierProvenance {
  readonly command: string;
  readonly prompts: Digest;
  readonly answers: Digest;
  /** Whose space the vectors are of. */
  readonly embedder: Digest;
  readonly texts: Readonly<Record<Head, { readonly positive: number; readonly negative: number }>>;
}

export interface ClassifierFile {
  readonly digest: Digest;
  readonly provenance: ClassifierProvenance;
  readonly heads: Readonly<Record<Head, Readonly<Record<Reading, TrainedHead>>>>;
}

export const classifierPath = join(__dirname, 'prompt-classifiers.json');
export const trainCommand = 'npm run train:safety';

/** @throws PlatformUnavailable when there is none, ModelUnloadable when it is not what its digest says */
export async function readClassifiers(path: string): Promise<ClassifierFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw failure('PlatformUnavailable', `the classifiers of the safety policy are not there: ${path}`, { next: trainCommand, cause });
  }
  let written: WrittenFile;
  try {
    written = JSON.parse(text) as WrittenFile;
  } catch (cause) {
    throw failure('ModelUnloadable', `${path} is not JSON`, { next: trainCommand, cause });
  }
  const { digest, ...rest } = written;
  if (digest !== digestOf(rest)) throw failure('ModelUnloadable', `${path} is not what its digest says`, { next: trainCommand });
  const read = (head: Head, reading: Reading): TrainedHead => unpacked(rest.heads[head][reading]);
  const both = (head: Head) => ({ words: read(head, 'words'), meaning: read(head, 'meaning') });
  return {
    digest,
    provenance: rest.provenance,
    heads: { injection: both('injection'), harmful: both('harmful'), harmfulAnswer: both('harmfulAnswer') },
  };
}

export function writeClassifiers(file: Omit<ClassifierFile, 'digest'>): string {
  const both = (head: Head) => ({ words: packed(file.heads[head].words), meaning: packed(file.heads[head].meaning) });
  const rest = {
    provenance: file.provenance,
    heads: { injection: both('injection'), harmful: both('harmful'), harmfulAnswer: both('harmfulAnswer') },
  };
  return `${JSON.stringify({ digest: digestOf(rest), ...rest }, null, 2)}\n`;
}

/** As the file keeps them: weights as 8-bit integers in Base64, each times `scale`. */
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
  readonly heads: Readonly<Record<Head, Readonly<Record<Reading, PackedHead>>>>;
}

function packed({ classifier: { bias, nGrams, vector }, thresholds }: TrainedHead): PackedHead {
  return { bias, nGrams: nGrams && packedWeights(nGrams), vector: vector && packedWeights(vector), thresholds };
}

function unpacked({ bias, nGrams, vector, thresholds }: PackedHead): TrainedHead {
  return { classifier: { bias, nGrams: nGrams && unpackedWeights(nGrams), vector: vector && unpackedWeights(vector) }, thresholds };
}

function packedWeights(weights: Float32Array): PackedWeights {
  const most = weights.reduce((largest, weight) => Math.max(largest, Math.abs(weight)), 0);
  const scale = most === 0 ? 1 : most / 127;
  const bytes = Int8Array.from(weights, (weight) => Math.round(weight / scale));
  return { scale, weights: Buffer.from(bytes.buffer).toString('base64') };
}

function unpackedWeights({ scale, weights }: PackedWeights): Float32Array {
  const bytes = Buffer.from(weights, 'base64');
  return Float32Array.from(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length), (weight) => weight * scale);
}

/**
 * The texts for the index benches, in a file of their folder. A run that continues reads the same
 * texts, even if packages were installed meanwhile.
 */
import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { textsForIndex, type IndexText } from './texts';

export interface IndexCorpus {
  readonly texts: number;
  /** By origin: `wiki`, `wordnet`, or the folder of packages. */
  readonly sources: Readonly<Record<string, number>>;
  readonly letters: number;
  readonly digest: string;
}

const file = (folder: string) => join(folder, 'corpus.ndjson');
const facts = (folder: string) => join(folder, 'corpus.json');

/** Collects `max` texts at the first call. */
export async function openCorpus(folder: string, max: number): Promise<IndexCorpus> {
  if (existsSync(facts(folder))) {
    const known = JSON.parse(readFileSync(facts(folder), 'utf8')) as IndexCorpus;
    if (known.texts >= max) return known;
    throw new Error(
      `the corpus of ${folder} has ${known.texts} texts, not ${max}; use another --folder`,
    );
  }
  const sources: Record<string, number> = {};
  const hash = createHash('sha256');
  let [texts, letters] = [0, 0];
  const out = createWriteStream(`${file(folder)}.part`);
  for await (const each of textsForIndex()) {
    if (texts === max) break;
    texts += 1;
    letters += each.text.length;
    const source = findSource(each);
    sources[source] = (sources[source] ?? 0) + 1;
    const line = `${JSON.stringify(each)}\n`;
    hash.update(line);
    if (!out.write(line)) await once(out, 'drain');
  }
  await new Promise<void>((done) => out.end(done));
  if (texts < max)
    throw new Error(
      `this machine has only ${texts} of ${max} texts; npm run provision:llm installs more`,
    );
  renameSync(`${file(folder)}.part`, file(folder));
  const corpus: IndexCorpus = { texts, sources, letters, digest: `sha256:${hash.digest('hex')}` };
  writeFileSync(facts(folder), JSON.stringify(corpus));
  return corpus;
}

export async function* corpusTexts(folder: string): AsyncGenerator<IndexText> {
  const lines = createInterface({ input: createReadStream(file(folder)), crlfDelay: Infinity });
  for await (const line of lines) yield JSON.parse(line) as IndexText;
}

function findSource({ id }: IndexText): string {
  const packages = ['.perennial/python-llm', '.perennial/python', '.perennial/llm'].find((folder) =>
    id.startsWith(`${folder}/`),
  );
  return packages ?? id.split('/')[0] ?? id;
}

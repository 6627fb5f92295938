import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openScratch } from '../../../data/scratch';
import { quoteText, withDuckDb } from '../../../data/sql/platform-sql';
import {
  writeExamples,
  type Conversations,
  type ExampleBatch,
} from '../../../data/training/examples';
import type { ArtifactRef } from '../../../domain/artifact';
import { directoryArtifacts, type DirectoryArtifacts } from '../../support/directory-artifacts';

let folder: string;
let artifacts: DirectoryArtifacts;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-examples-'));
  artifacts = directoryArtifacts(join(folder, 'artifacts'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const limits = { memoryBytes: 64 << 20, threads: 1 };
const asUser: Conversations = ({ inputs }) =>
  Promise.resolve(inputs.map((content) => [{ role: 'user', content }]));

async function written(
  rows: readonly (readonly [string, string])[],
  conversations: Conversations = asUser,
  exam: readonly string[] = [],
) {
  const scratch = await openScratch(folder, 'test');
  try {
    const path = scratch.path('given.parquet');
    const values = rows
      .map(([input, output]) => `(${quoteText(input)}, ${quoteText(output)})`)
      .join(', ');
    await withDuckDb(
      (sql) =>
        sql.run(
          `COPY (FROM (VALUES ${values}) AS t (input, output)) TO ${quoteText(path)} (FORMAT parquet)`,
        ),
      limits,
    );
    const put = (file: string, mediaType: string) =>
      artifacts.putFile({ tenant: 'default', path: file, mediaType });
    const columns = ['input', 'output'].map((name) => ({ name, type: 'string' as const }));
    const manifest = {
      dataset: 'examples',
      columns,
      rows: rows.length,
      files: [await put(path, 'application/vnd.apache.parquet')],
    };
    return await writeExamples({
      artifacts,
      scratch,
      manifest,
      conversations,
      exam,
      put,
      format: 'parquet',
      signal: new AbortController().signal,
      fineTune: { input: 'input', output: 'output', most: 1_000, holdout: 0.2 },
    });
  } finally {
    await scratch.dispose();
  }
}

async function readRows(
  ref: ArtifactRef,
): Promise<readonly { readonly messages: string; readonly completion: string }[]> {
  const path = join(folder, `${ref.digest.slice(7, 19)}.parquet`);
  await artifacts.toFile(ref, path);
  return withDuckDb((sql) => sql.rows(`FROM read_parquet(${quoteText(path)})`), limits);
}

const many = Array.from(
  { length: 450 },
  (_, place) => [`What is thing ${place}?`, `thing ${place}`] as const,
);

test('are rendered in batches, in an order independent of the rows, and split into training and holdout', async () => {
  const batches: ExampleBatch[] = [];
  const { train, holdout, rows } = await written(
    many,
    (batch) => (batches.push(batch), asUser(batch)),
  );
  expect(batches.map(({ place, of, inputs }) => [place, of, inputs.length])).toEqual([
    [1, 450, 200],
    [201, 450, 200],
    [401, 450, 50],
  ]);
  expect(rows).toMatchObject({ leftOut: 0, inCases: 0, tooLong: 0 });
  expect(rows.train + rows.holdout).toBe(450);
  expect(await written(many.toReversed())).toMatchObject({ train, holdout });
  const trainRows = await readRows(train);
  const holdoutRows = await readRows(holdout);
  expect([trainRows.length, holdoutRows.length]).toEqual([rows.train, rows.holdout]);
  for (const { messages, completion } of [...trainRows, ...holdoutRows])
    expect(JSON.parse(messages)).toEqual([{ role: 'user', content: `What is ${completion}?` }]);
});

test('that are too long, have an empty side, or are among the cases are left out and counted by reason', async () => {
  const tooLong: Conversations = async (batch) =>
    (await asUser(batch)).map((conversation, place) =>
      /thing \d0\?/.test(batch.inputs[place] ?? '') ? null : conversation,
    );
  const { rows } = await written(
    [...many.slice(0, 100), ['', 'nothing'], ['What?', ' ']],
    tooLong,
    ['  what IS thing 7?'],
  );
  expect(rows).toMatchObject({ leftOut: 2, inCases: 1, tooLong: 9 });
  expect(rows.train + rows.holdout).toBe(90);
});

test('of which none is left on a side are refused', async () => {
  const refused = {
    type: 'InvalidInput',
    message: expect.stringMatching(/^examples leaves 0 examples for training/) as string,
  };
  await expect(written([['', 'a']])).rejects.toMatchObject(refused);
  await expect(
    written(many, ({ inputs }) => Promise.resolve(inputs.map(() => null))),
  ).rejects.toMatchObject(refused);
});

/**
 * The rate of a batch prediction beside bare onnxruntime over the same Parquet: the same rows, the
 * same graph, one thread. `npm run bench -- batch --rows 1000000 --parallel 3`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { openArtifactStore } from '../../data/artifact/store';
import { streamChunks } from '../../data/evaluation/parquet-chunks';
import { quoteText, readParquet, withDuckDb } from '../../data/sql/platform-sql';
import type { ArtifactRef } from '../../domain/artifact';
import type { DatasetManifest } from '../../domain/dataset/dataset';
import type { ModelManifest } from '../../domain/model/model';
import { findStore } from '../../test/support/leftovers';
import { startProduct, type Product } from '../../test/support/process/product';
import { lenientGates, writeTinyLifecycle } from '../../test/support/tiny-lifecycle';
import { median, report, rounded } from '../figures';

const model = 'bench-batch';
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    chunk: { type: 'string', default: '50000' },
    parallel: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    trainer: { type: 'string', default: 'lightgbm' },
  },
});
const rows = Number(values.rows);
const chunkRows = Number(values.chunk);
const parallel = Number(values.parallel);
const rounds = Number(values.rounds);
const limits = { memoryBytes: 1 << 30, threads: 1 };

async function main(): Promise<void> {
  const product = await startProduct();
  try {
    await train(product);
    const local = await fetchModel(product);
    const bare: number[] = [];
    const batch: { readonly total: number; readonly score: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      bare.push(await bareRound(local));
      batch.push(await batchRound(product, `round-${round}`));
    }
    const [bareSeconds, scoreSeconds, totalSeconds] = [
      median(bare),
      median(batch.map(({ score }) => score)),
      median(batch.map(({ total }) => total)),
    ];
    const rate = (seconds: number): number => Math.round(rows / seconds);
    const line = (seconds: number): string =>
      `${rounded(seconds)} s, ${rate(seconds).toLocaleString('en-US')} rows/s`;
    report(
      'batch',
      [
        [
          'rows',
          `${rows.toLocaleString('en-US')} in chunks of ${chunkRows.toLocaleString('en-US')}`,
        ],
        ['bare onnxruntime', line(bareSeconds)],
        ['batch prediction, stage score', line(scoreSeconds)],
        ['batch prediction, whole run', line(totalSeconds)],
        ['score / bare', `${rounded(scoreSeconds / bareSeconds, 2)} times the time`],
      ],
      {
        rows,
        chunkRows,
        parallel,
        trainer: values.trainer,
        rounds,
        bareRowsPerSecond: rate(bareSeconds),
        scoreRowsPerSecond: rate(scoreSeconds),
        runRowsPerSecond: rate(totalSeconds),
        scoreToBare: rounded(scoreSeconds / bareSeconds, 2),
      },
    );
  } finally {
    await product.stop();
  }
}

/** Trains on the rows that are scored later, so that both have one dataset version. */
async function train(product: Product): Promise<void> {
  const folder = writeTinyLifecycle(product.workDir, {
    name: model,
    evaluate: lenientGates,
    csv: '',
    uri: 'file://./data.parquet',
    format: 'parquet',
    trainer: values.trainer,
    rowsPerDay: 1,
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'data.csv'), '');
  const path = join(folder, 'data.parquet');
  await withDuckDb(
    (sql) =>
      sql.run(
        `COPY (
           SELECT TIMESTAMP '2024-01-01' + to_seconds(i * 120 * 86400 // ${rows}) AS seen_at,
             'e' || (i % 200) AS entity, ['a', 'b', 'c'][(1 + hash(i) % 3)::INTEGER] AS kind,
             (hash(i, 1) % 40000)::INTEGER / 10000.0 - 2 AS x, (hash(i, 2) % 40000)::INTEGER / 10000.0 - 2 AS y,
             (1.5 * x - y + (hash(i, 3) % 400)::INTEGER / 100.0 - 2 > 0)::INTEGER AS label
           FROM range(${rows}) r(i)
         ) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd)`,
      ),
    limits,
  );
  await product.apply(folder);
  const { body } = await product.start(model);
  const { status, failure } = await product.waitForEnd(body.id, 900);
  if (status !== 'succeeded') throw new Error(`${model} ended as ${status}: ${failure?.message}`);
}

interface LocalModel {
  readonly files: readonly string[];
  readonly manifest: ModelManifest;
  readonly onnx: Uint8Array;
}

async function fetchModel(product: Product): Promise<LocalModel> {
  const artifacts = openArtifactStore({ ...findStore(product), leases: null });
  try {
    const get = async <T>(path: string): Promise<T> => (await product.call<T>('GET', path)).body;
    const version = await get<{ manifest: ArtifactRef }>(`/models/${model}/versions/1`);
    const dataset = await get<{ manifest: ArtifactRef }>(`/datasets/${model}.visits/versions/1`);
    const manifest = await artifacts.getJson<ModelManifest>(version.manifest);
    const { files } = await artifacts.getJson<DatasetManifest>(dataset.manifest);
    const paths: string[] = [];
    for (const [index, file] of files.entries()) {
      const path = join(product.workDir, `bare-${index}.parquet`);
      await artifacts.toFile(file, path);
      paths.push(path);
    }
    return { files: paths, manifest, onnx: await artifacts.getBytes(manifest.onnx) };
  } finally {
    artifacts.close();
  }
}

/** Reads the columns, computes the features in plain SQL and writes nothing. */
async function bareRound({ files, manifest, onnx }: LocalModel): Promise<number> {
  const { features } = manifest.signature;
  const startedAt = performance.now();
  const session = await InferenceSession.create(onnx, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  let scored = 0;
  await withDuckDb(async (sql) => {
    const query = `SELECT ${features.map(({ name }) => name).join(', ')}
      FROM (SELECT kind, x, y, x * y AS xy FROM ${readParquet(files)})`;
    for await (const columns of streamChunks(sql, query)) {
      const feeds: Record<string, Tensor> = {};
      features.forEach(({ name, type }, i) => {
        const column = columns[i] ?? [];
        feeds[name] =
          type === 'float'
            ? new Tensor('float32', Float32Array.from(column as number[]), [column.length, 1])
            : new Tensor('string', column as string[], [column.length, 1]);
      });
      const { score } = await session.run(feeds, ['score']);
      scored += score?.dims[0] ?? 0;
    }
  }, limits);
  await session.release();
  if (scored !== rows) throw new Error(`bare onnxruntime scored ${scored} of ${rows} rows`);
  return (performance.now() - startedAt) / 1000;
}

/** Another output name each round, because equal predictions are one version. */
async function batchRound(
  product: Product,
  output: string,
): Promise<{ readonly total: number; readonly score: number }> {
  const startedAt = performance.now();
  const { body } = await product.start(model, {
    kind: 'batch-predict',
    input: `dataset://${model}.visits@1`,
    output,
    chunkRows,
    parallel,
  });
  const run = await product.waitForEnd(body.id, 900);
  const total = (performance.now() - startedAt) / 1000;
  const stage = run.stages.find(({ name }) => name === 'score');
  if (run.status !== 'succeeded' || stage?.batch?.scored !== rows)
    throw new Error(`${body.id} ended as ${run.status}: ${run.failure?.message}`);
  return { total, score: stage.seconds };
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

import './disable-telemetry';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { failure } from '../../domain/failure';
import { missingText, type FeatureColumn } from '../../domain/model/model';
import { hasExternalTensors } from './external-data';

/**
 * One value per row: numbers for a float input (NaN is missing), text for a string input
 * (`missingText` is missing).
 */
export type FeatureValues = readonly (string | number | null)[] | Float32Array | Float64Array;

export interface OnnxModel {
  /** Inputs in the order of the graph; each has the shape [rows, 1]. */
  readonly inputs: readonly FeatureColumn[];
  /** Scores per row: one, or one per class. */
  readonly width: number;
  /**
   * Scores of all rows in order, `width` values per row.
   * @throws InvalidInput when a column is missing, too short or of the wrong type
   */
  predict(columns: Readonly<Record<string, FeatureValues>>, rows: number): Promise<Float64Array>;
  close(): Promise<void>;
}

/**
 * Rows per native call. A call blocks the event loop, so this limits the pause: about 30 ms for a
 * booster of 100 trees.
 */
const chunkRows = 1024;

/**
 * Loads a graph that takes feature columns and returns `score`. Verify the digest of the bytes
 * first (I3). `expected` is the signature's features, `classes` the classes of a multiclass model.
 * @throws ModelUnloadable when the bytes are not an ONNX model, or inputs or output do not fit
 */
export async function openOnnxModel(
  bytes: Uint8Array,
  expected?: readonly FeatureColumn[],
  classes?: readonly string[],
): Promise<OnnxModel> {
  const width = classes?.length ?? 1;
  const session = await load(bytes);
  try {
    const inputs = session.inputMetadata.map(featureColumn);
    checkOutput(session, width);
    if (expected !== undefined) checkInputs(inputs, expected);
    return {
      inputs,
      width,
      predict: (columns, rows) => predict({ session, inputs, width }, columns, rows),
      close: () => session.release(),
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function load(bytes: Uint8Array): Promise<InferenceSession> {
  if (bytes.byteLength === 0) throw failure('ModelUnloadable', 'the model file is empty');
  refuseOtherFiles(bytes);
  try {
    // One thread: requests and rows run in parallel, and several pools would compete for the cores.
    return await InferenceSession.create(bytes, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw failure(
      'ModelUnloadable',
      `onnxruntime cannot load the model (${bytes.byteLength} bytes): ${describeCause(cause)}`,
      { cause },
    );
  }
}

function refuseOtherFiles(bytes: Uint8Array): void {
  let refused: boolean;
  try {
    refused = hasExternalTensors(bytes);
  } catch (cause) {
    throw failure(
      'ModelUnloadable',
      `the model (${bytes.byteLength} bytes) is not an ONNX file: ${describeCause(cause)}`,
      { cause },
    );
  }
  if (refused)
    throw failure(
      'ModelUnloadable',
      'the model keeps tensors in other files; export it as one file that contains its weights',
    );
}

function featureColumn(input: InferenceSession.ValueMetadata): FeatureColumn {
  if (!input.isTensor)
    throw failure('ModelUnloadable', `input \`${input.name}\` of the model is not a tensor`);
  const type = input.type === 'float32' ? 'float' : input.type === 'string' ? 'string' : null;
  if (type === null) {
    throw failure(
      'ModelUnloadable',
      `input \`${input.name}\` of the model has type ${input.type}; expected float or string`,
    );
  }
  if (!isColumn(input.shape)) throw wrongShape('input', input.name, input.shape);
  return { name: input.name, type };
}

function checkOutput(session: InferenceSession, width: number): void {
  const output = session.outputMetadata.find(({ name }) => name === 'score');
  if (output === undefined) {
    throw failure(
      'ModelUnloadable',
      `the model has no output \`score\`; its outputs are ${list(session.outputNames)}`,
    );
  }
  if (!output.isTensor || (output.type !== 'float32' && output.type !== 'float64')) {
    throw failure(
      'ModelUnloadable',
      `output \`score\` of the model has type ${output.isTensor ? output.type : 'other than tensor'}; expected float`,
    );
  }
  if (!isColumn(output.shape, width)) throw wrongShape('output', 'score', output.shape, width);
}

function checkInputs(inputs: readonly FeatureColumn[], expected: readonly FeatureColumn[]): void {
  const given = new Map(inputs.map(({ name, type }) => [name, type]));
  const wanted = new Map(expected.map(({ name, type }) => [name, type]));
  const issues = [
    ...expected
      .filter(({ name }) => !given.has(name))
      .map(({ name }) => `the graph has no input for the feature \`${name}\``),
    ...inputs
      .filter(({ name }) => !wanted.has(name))
      .map(({ name }) => `the graph has an input \`${name}\`, which is not in the signature`),
    ...inputs
      .filter(({ name, type }) => wanted.has(name) && wanted.get(name) !== type)
      .map(
        ({ name, type }) =>
          `input \`${name}\` is ${type} in the graph and ${wanted.get(name) ?? ''} in the signature`,
      ),
  ];
  if (issues.length > 0)
    throw failure('ModelUnloadable', `the model does not fit its signature: ${issues.join('; ')}`);
}

/** [rows, width] with a free first dimension. Graphs with another shape cannot take batches. */
function isColumn(shape: readonly (string | number)[], width = 1): boolean {
  return (
    shape.length === 2 &&
    typeof shape[0] === 'string' &&
    (shape[1] === width || typeof shape[1] === 'string')
  );
}

function wrongShape(what: string, name: string, shape: readonly (string | number)[], width = 1) {
  return failure(
    'ModelUnloadable',
    `${what} \`${name}\` of the model has shape [${shape.join(', ')}]; expected [rows, ${width}] with any number of rows`,
  );
}

interface Graph extends Pick<OnnxModel, 'inputs' | 'width'> {
  readonly session: InferenceSession;
}

async function predict(
  { session, inputs, width }: Graph,
  columns: Readonly<Record<string, FeatureValues>>,
  rows: number,
): Promise<Float64Array> {
  for (const { name } of inputs) {
    const values = columns[name];
    if (values === undefined) throw failure('InvalidInput', `feature \`${name}\` is missing`);
    if (values.length !== rows)
      throw failure(
        'InvalidInput',
        `feature \`${name}\` has ${values.length} values for ${rows} rows`,
      );
  }
  const scores = new Float64Array(rows * width);
  for (let from = 0; from < rows; from += chunkRows) {
    const until = Math.min(rows, from + chunkRows);
    const feeds: Record<string, Tensor> = {};
    for (const input of inputs)
      feeds[input.name] = toTensor(input, columns[input.name] ?? [], from, until);
    // `run` starts in a new turn of the event loop, so other work runs between two chunks.
    scores.set(await run(session, feeds, (until - from) * width), from * width);
  }
  return scores;
}

function toTensor(
  input: FeatureColumn,
  values: FeatureValues,
  from: number,
  until: number,
): Tensor {
  const dims = [until - from, 1];
  if (input.type === 'float') {
    const data = new Float32Array(until - from);
    for (let row = from; row < until; row += 1) {
      const value = values[row];
      if (value !== null && typeof value !== 'number') throw wrongValue(input, row, value);
      data[row - from] = value ?? NaN;
    }
    return new Tensor('float32', data, dims);
  }
  const data: string[] = [];
  for (let row = from; row < until; row += 1) {
    const value = values[row];
    if (value !== null && typeof value !== 'string') throw wrongValue(input, row, value);
    data.push(value ?? missingText);
  }
  return new Tensor('string', data, dims);
}

/** Names only the type, because errors must not quote values of rows (I11). */
function wrongValue(input: FeatureColumn, row: number, value: unknown) {
  return failure(
    'InvalidInput',
    `feature \`${input.name}\` of row ${row} is a ${typeof value}; expected ${input.type}`,
  );
}

async function run(
  session: InferenceSession,
  feeds: Record<string, Tensor>,
  values: number,
): Promise<ArrayLike<number>> {
  let results: InferenceSession.OnnxValueMapType;
  try {
    results = await session.run(feeds, ['score']);
  } catch (cause) {
    throw failure(
      'ModelUnloadable',
      `the model failed on the given rows: ${describeCause(cause)}`,
      {
        cause,
      },
    );
  }
  const score = results['score'];
  if (score?.size !== values)
    throw failure(
      'ModelUnloadable',
      `the model returned ${score?.size ?? 0} scores instead of ${values}`,
    );
  return score.data as Float32Array | Float64Array;
}

function describeCause(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.map((name) => `\`${name}\``).join(', ');
}

import type { OnnxModel } from '../../../data/onnx/session';
import { raceDeadline } from '../../../data/within';
import { HttpProblem } from '../../http/problem';
import type { Features } from './features';
import { createMicroBatcher } from './micro-batcher';
import type { RequestRow } from './request-codec';

export interface Scorer {
  /**
   * One score a row, or one for each class, in order. A 504 when `deadline` (a `performance.now()`)
   * passes; GatewayUnavailable when too many wait.
   */
  score(rows: readonly RequestRow[], deadline: number): Promise<Float64Array>;
  queued(): number;
}

export interface ScorerOptions {
  readonly name: string;
  readonly features: Features;
  readonly onnx: OnnxModel;
  readonly batchRows: number;
  readonly maxQueued: number;
  readonly onBatch: (rows: number) => void;
}

/**
 * Rows of a large request that go through features and graph at a time, so that small requests get
 * their turn in between.
 */
const chunkRows = 512;

/** Features, then the graph; requests of a few rows share calls. */
export function createScorer({
  name,
  features,
  onnx,
  batchRows,
  maxQueued,
  onBatch,
}: ScorerOptions): Scorer {
  const late = (): Error =>
    new HttpProblem(
      504,
      'Timeout',
      `${name} did not answer within the request timeout of this gateway`,
    );

  async function call(rows: readonly RequestRow[], deadline: number): Promise<Float64Array> {
    const columns = await features.compute(rows, deadline);
    return onnx.predict(columns, rows.length);
  }
  const batcher = createMicroBatcher({ maxRows: batchRows, maxQueued, call, late, onBatch });

  async function inChunks(rows: readonly RequestRow[], deadline: number): Promise<Float64Array> {
    const { width } = onnx;
    const scores = new Float64Array(rows.length * width);
    for (let from = 0; from < rows.length; from += chunkRows) {
      if (performance.now() >= deadline) throw late();
      const chunk = rows.slice(from, from + chunkRows);
      onBatch(chunk.length);
      scores.set(await call(chunk, deadline), from * width);
    }
    return scores;
  }

  /**
   * A batch runs until the latest of its members' deadlines, and a graph until it is done: those
   * who cannot wait that long are told in time.
   */
  function score(rows: readonly RequestRow[], deadline: number): Promise<Float64Array> {
    const scores =
      rows.length <= batchRows ? batcher.run(rows, deadline) : inChunks(rows, deadline);
    return raceDeadline(Math.max(0, deadline - performance.now()), scores, () => {
      throw late();
    });
  }

  return { score, queued: () => batcher.queued() };
}

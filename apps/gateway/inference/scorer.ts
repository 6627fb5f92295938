import type { OnnxModel } from '../../../data/onnx/session';
import { raceDeadline } from '../../../data/timeout';
import { HttpProblem } from '../../http/problem';
import type { Features } from './features';
import { createMicroBatcher } from './micro-batcher';
import type { RequestRow } from './request-codec';

export interface Scorer {
  /**
   * One score per row, or one per class, in order. Throws 504 after `deadline` (a
   * `performance.now()`).
   */
  score(rows: readonly RequestRow[], deadline: number): Promise<Float64Array>;
  queued(): number;
}

export interface ScorerOptions {
  readonly name: string;
  readonly features: Features;
  readonly onnx: OnnxModel;
  readonly batchRows: number;
  readonly onBatch: (rows: number) => void;
}

/**
 * The rows of a large request that are processed at a time, so that small requests are not delayed.
 */
const chunkRows = 512;

/** Computes features and then the graph. Small requests share calls. */
export function createScorer({ name, features, onnx, batchRows, onBatch }: ScorerOptions): Scorer {
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
  const batcher = createMicroBatcher({ maxRows: batchRows, call, late, onBatch });

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
   * A batch runs until the latest deadline of its requests, and a graph until it has completed.
   * Requests with an earlier deadline get their error in time.
   */
  function score(rows: readonly RequestRow[], deadline: number): Promise<Float64Array> {
    if (rows.length <= batchRows) return batcher.run(rows, deadline);
    return raceDeadline(Math.max(0, deadline - performance.now()), inChunks(rows, deadline), () => {
      throw late();
    });
  }

  return { score, queued: () => batcher.queued() };
}

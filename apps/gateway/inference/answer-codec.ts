import type { PredictionId } from '../../../domain/ids';
import { predictedClass } from '../../../domain/evaluation/metrics/multiclass';
import { binaryNumbers, binaryTexts } from './binary-tensors';

export interface Answer {
  /** The id of the request, if it had one. */
  readonly id: string | null;
  readonly ids: readonly PredictionId[];
  readonly scores: Float64Array;
  readonly outputs: ReadonlySet<string>;
  readonly binaryOutputs: ReadonlySet<string>;
}

export interface AnswerBody {
  readonly body: string | Buffer;
  /** The size of the JSON before the binary tensors; null when the body is only JSON. */
  readonly jsonBytes: number | null;
}

/**
 * Write the body of an answer for one version. It concatenates strings, because JSON.stringify
 * would take longer than the inference of a small model.
 */
export function compileAnswerCodec({
  model,
  version,
  classes,
}: {
  readonly model: string;
  readonly version: number;
  /**
   * The classes of a multiclass model; `scores` then has a probability for each of them, row by
   * row.
   */
  readonly classes?: readonly string[] | undefined;
}): (answer: Answer) => AnswerBody {
  const width = classes?.length ?? 1;
  const head = `{"model_name":${JSON.stringify(model)},"model_version":"${version}","id":`;
  return ({ id, ids, scores, outputs, binaryOutputs }) => {
    const rows = scores.length / width;
    const tensors: string[] = [];
    const binary: Buffer[] = [];
    const add = (
      name: string,
      datatype: string,
      json: () => string,
      bytes: () => Buffer,
      columns = 1,
    ): void => {
      if (!outputs.has(name)) return;
      const start = `{"name":"${name}","datatype":"${datatype}","shape":[${rows},${columns}],`;
      if (!binaryOutputs.has(name)) {
        tensors.push(`${start}"data":[${json()}]}`);
        return;
      }
      const data = bytes();
      binary.push(data);
      tensors.push(`${start}"parameters":{"binary_data_size":${data.length}}}`);
    };
    if (classes === undefined) {
      add(
        'score',
        'FP64',
        () => scores.join(','),
        () => binaryNumbers(scores),
      );
    } else {
      const named = Array.from(
        { length: rows },
        (_, row) => classes[predictedClass(scores, row * width, width)] ?? '',
      );
      add(
        'class',
        'BYTES',
        () => named.map((name) => JSON.stringify(name)).join(','),
        () => binaryTexts(named),
      );
      add(
        'probabilities',
        'FP64',
        () => scores.join(','),
        () => binaryNumbers(scores),
        width,
      );
    }
    // Ids have no characters that JSON escapes.
    add(
      'prediction_id',
      'BYTES',
      () => `"${ids.join('","')}"`,
      () => binaryTexts(ids),
    );
    const json = `${head}${id === null ? `"${ids[0] ?? ''}"` : JSON.stringify(id)},"outputs":[${tensors.join(',')}]}`;
    if (binary.length === 0) return { body: json, jsonBytes: null };
    const bytes = Buffer.from(json);
    return { body: Buffer.concat([bytes, ...binary]), jsonBytes: bytes.length };
  };
}

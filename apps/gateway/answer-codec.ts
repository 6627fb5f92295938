import type { PredictionId } from '../../domain/ids';

export interface Answer {
  /** Of the request, when it had one. */
  readonly id: string | null;
  readonly ids: readonly PredictionId[];
  readonly scores: Float64Array;
  readonly outputs: ReadonlySet<string>;
}

/** Writes the body of an answer for one version. Text by text, since the shape is fixed and JSON.stringify of it costs more than the inference of a small model. */
export function compileAnswerCodec({ model, version }: { readonly model: string; readonly version: number }): (answer: Answer) => string {
  const head = `{"model_name":${JSON.stringify(model)},"model_version":"${version}","id":`;
  return ({ id, ids, scores, outputs }) => {
    const rows = scores.length;
    const tensors: string[] = [];
    if (outputs.has('score')) tensors.push(`{"name":"score","datatype":"FP64","shape":[${rows},1],"data":[${scores.join(',')}]}`);
    if (outputs.has('prediction_id')) {
      // Ids hold nothing that JSON would escape.
      tensors.push(`{"name":"prediction_id","datatype":"BYTES","shape":[${rows},1],"data":["${ids.join('","')}"]}`);
    }
    return `${head}${id === null ? `"${ids[0] ?? ''}"` : JSON.stringify(id)},"outputs":[${tensors.join(',')}]}`;
  };
}

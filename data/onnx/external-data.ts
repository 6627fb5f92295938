import { Reader } from 'protobufjs/minimal';

/** Messages of onnx.proto (ONNX 1.16) that can contain a tensor, by field number. */
const paths = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparseTensor' },
  function: { 7: 'node' },
  node: { 5: 'attribute' },
  attribute: {
    5: 'tensor',
    6: 'graph',
    10: 'tensor',
    11: 'graph',
    22: 'sparseTensor',
    23: 'sparseTensor',
  },
  sparseTensor: { 1: 'tensor', 2: 'tensor' },
  tensor: {},
} as const satisfies Record<string, Readonly<Record<number, string>>>;

type Message = keyof typeof paths;

/** Field of TensorProto that is set when the tensor's values are in another file. */
const externalDataField = 13;
/** Limit for nested subgraphs; exporters need two or three levels. */
const deepest = 64;
const lengthDelimited = 2;

/**
 * Whether a tensor of the model is read from another file. ONNX Runtime would read it from the
 * working directory of this process, which has the platform's own files, and return it as scores.
 * @throws RangeError on bytes that are not a protobuf message or are nested too deeply
 */
export function hasExternalTensors(model: Uint8Array): boolean {
  return holdsExternalTensor(Reader.create(model), model.byteLength, 'model', 0);
}

function holdsExternalTensor(
  reader: Reader,
  end: number,
  message: Message,
  depth: number,
): boolean {
  if (depth > deepest) throw new RangeError('the model is nested too deeply');
  const fields: Readonly<Record<number, Message>> = paths[message];
  while (reader.pos < end) {
    const tag = reader.uint32();
    const [field, wireType] = [tag >>> 3, tag & 7];
    if (message === 'tensor' && field === externalDataField) return true;
    const inner = wireType === lengthDelimited ? fields[field] : undefined;
    if (inner === undefined) {
      reader.skipType(wireType);
      continue;
    }
    const length = reader.uint32();
    if (holdsExternalTensor(reader, reader.pos + length, inner, depth + 1)) return true;
  }
  return false;
}

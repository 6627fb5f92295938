import { Reader } from 'protobufjs/minimal';
import { failure } from '../../domain/failure';
import type { GraphSignature, GraphTensor } from '../../domain/model/imported';

/** TensorProto.DataType of onnx.proto (ONNX 1.16), by number. */
const elementTypes: Readonly<Record<number, string>> = {
  1: 'float',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'double',
  12: 'uint32',
  13: 'uint64',
};

/** Kinds of TypeProto that are no tensor, by field. */
const otherKinds: Readonly<Record<number, string>> = {
  4: 'sequence',
  5: 'map',
  8: 'sparse tensor',
  9: 'optional',
};

const lengthDelimited = 2;

/**
 * Reads inputs and outputs of an ONNX file without running any of it. An input that has a constant
 * of the same name needs no value, so it is left out.
 * @throws InvalidInput when the bytes are not an ONNX model
 */
export function readGraphSignature(bytes: Uint8Array, fileName: string): GraphSignature {
  const graph = { inputs: [] as GraphTensor[], outputs: [] as GraphTensor[] };
  const constants = new Set<string>();
  let graphs = 0;
  try {
    eachField(Reader.create(bytes), bytes.byteLength, {
      7: (reader, end) => {
        graphs += 1;
        eachField(reader, end, {
          5: (tensor, to) => constants.add(textField(tensor, to, 8)),
          11: (value, to) => graph.inputs.push(valueInfo(value, to)),
          12: (value, to) => graph.outputs.push(valueInfo(value, to)),
        });
      },
    });
  } catch (cause) {
    throw notOnnx(bytes, fileName, cause);
  }
  if (graphs !== 1 || graph.outputs.length === 0) throw notOnnx(bytes, fileName);
  return { ...graph, inputs: graph.inputs.filter(({ name }) => !constants.has(name)) };
}

function notOnnx(bytes: Uint8Array, fileName: string, cause?: unknown): Error {
  return failure(
    'InvalidInput',
    `${fileName} (${bytes.byteLength} bytes) is not an ONNX model, or it is cut off`,
    {
      ...(cause === undefined ? {} : { cause }),
      next: 'export the model as ONNX, or import its MLflow folder with --mlflow',
    },
  );
}

type FieldReader = (reader: Reader, end: number) => unknown;

/** Calls the reader of each embedded message that has one, and skips the rest of it. */
function eachField(
  reader: Reader,
  end: number,
  fields: Readonly<Record<number, FieldReader>>,
): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    const read = (tag & 7) === lengthDelimited ? fields[tag >>> 3] : undefined;
    if (read === undefined) {
      reader.skipType(tag & 7);
      continue;
    }
    const length = reader.uint32();
    const until = reader.pos + length;
    if (until > end) throw new RangeError('a message ends after the message that contains it');
    read(reader, until);
    reader.pos = until;
  }
  if (reader.pos !== end) throw new RangeError('a message has another length than it says');
}

function valueInfo(reader: Reader, end: number): GraphTensor {
  let [name, type] = ['', 'of unknown type'];
  let shape: GraphTensor['shape'] = null;
  eachField(reader, end, {
    1: (text, to) => (name = utf8(text, to)),
    2: (kind, to) => {
      const others = Object.entries(otherKinds).map(([field, text]): [string, FieldReader] => [
        field,
        () => (type = text),
      ]);
      eachField(kind, to, {
        ...Object.fromEntries(others),
        1: (tensor, until) => {
          const found = tensorType(tensor, until);
          type = found.type;
          shape = found.shape;
        },
      });
    },
  });
  return { name, type, shape };
}

function tensorType(reader: Reader, end: number): Pick<GraphTensor, 'type' | 'shape'> {
  let type = 'of unknown type';
  let shape: GraphTensor['shape'] = null;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === 0x08) {
      const number = reader.int32();
      type = elementTypes[number] ?? `element type ${number}`;
    } else if (tag === 0x12) {
      const until = reader.uint32() + reader.pos;
      const sizes: (number | string | null)[] = [];
      eachField(reader, until, { 1: (dimension, to) => sizes.push(size(dimension, to)) });
      shape = sizes;
    } else reader.skipType(tag & 7);
  }
  return { type, shape };
}

/** A number, a name, or null for a dimension that is free. */
function size(reader: Reader, end: number): number | string | null {
  let found: number | string | null = null;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === 0x08) found = Number(reader.int64());
    else if (tag === 0x12) found = reader.string();
    else reader.skipType(tag & 7);
  }
  return found;
}

function textField(reader: Reader, end: number, field: number): string {
  let found = '';
  eachField(reader, end, { [field]: (text: Reader, to: number) => (found = utf8(text, to)) });
  return found;
}

function utf8(reader: Reader, end: number): string {
  return Buffer.from(reader.buf.slice(reader.pos, end)).toString('utf8');
}

/**
 * The binary tensor data extension of the Open Inference Protocol V2
 * (https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md):
 * tensors behind the JSON, little-endian, in the order of the inputs that have `binary_data_size`;
 * BYTES as a 32-bit length before each element.
 */
import { isUtf8 } from 'node:buffer';
import { count } from '../../../domain/format';
import { failure, type Issue } from '../../../domain/failure';
import { record, shortenText } from './request-tensor';

/**
 * The elements of all tensors together. Reading an element costs far more than the one byte that it
 * may have.
 */
const maxElements = 3_000_000;

/**
 * Put the values of each binary tensor into its `data`, as in JSON. NaN becomes null, which is
 * missing. @throws InvalidInput
 */
export function withBinaryData(request: unknown, binary: Buffer): unknown {
  const given = record(request);
  if (given === null || !Array.isArray(given['inputs'])) return request;
  let at = 0;
  let elements = 0;
  const inputs = given['inputs'].map((input: unknown, index) => {
    const tensor = record(input);
    const parameters = record(tensor?.['parameters']);
    const size = parameters?.['binary_data_size'];
    if (tensor === null || size === undefined) return input;
    const pointer = `/inputs/${index}/parameters/binary_data_size`;
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
      throw toRefusal({ pointer, detail: '`binary_data_size` must be a number of bytes' });
    }
    if (size > binary.length - at) {
      const left = binary.length - at;
      throw toRefusal({
        pointer,
        detail: `\`binary_data_size\` is ${size}, but only ${left} bytes of the binary part are left`,
      });
    }
    const data = decodeValues(tensor['datatype'], {
      bytes: binary.subarray(at, at + size),
      index,
      mostElements: maxElements - elements,
    });
    at += size;
    elements += data.length;
    return { ...tensor, data };
  });
  if (at !== binary.length) {
    throw toRefusal({
      pointer: '/inputs',
      detail: `the binary part has ${binary.length} bytes, but the inputs describe ${at}`,
    });
  }
  return { ...given, inputs };
}

interface NumberReader {
  readonly bytes: number;
  readonly read: (bytes: Buffer, at: number) => number | bigint | boolean;
}

const readers: Readonly<Record<string, NumberReader>> = {
  BOOL: { bytes: 1, read: (bytes, at) => bytes[at] !== 0 },
  INT8: { bytes: 1, read: (bytes, at) => bytes.readInt8(at) },
  INT16: { bytes: 2, read: (bytes, at) => bytes.readInt16LE(at) },
  INT32: { bytes: 4, read: (bytes, at) => bytes.readInt32LE(at) },
  INT64: { bytes: 8, read: (bytes, at) => bytes.readBigInt64LE(at) },
  UINT8: { bytes: 1, read: (bytes, at) => bytes.readUInt8(at) },
  UINT16: { bytes: 2, read: (bytes, at) => bytes.readUInt16LE(at) },
  UINT32: { bytes: 4, read: (bytes, at) => bytes.readUInt32LE(at) },
  UINT64: { bytes: 8, read: (bytes, at) => bytes.readBigUInt64LE(at) },
  FP32: { bytes: 4, read: (bytes, at) => bytes.readFloatLE(at) },
  FP64: { bytes: 8, read: (bytes, at) => bytes.readDoubleLE(at) },
};

interface BinaryTensor {
  readonly bytes: Buffer;
  /** The position among the inputs. */
  readonly index: number;
  readonly mostElements: number;
}

function decodeValues(datatype: unknown, tensor: BinaryTensor): readonly unknown[] {
  if (datatype === 'BYTES') return decodeTexts(tensor);
  const { bytes, index } = tensor;
  const reader =
    typeof datatype === 'string' && Object.hasOwn(readers, datatype)
      ? readers[datatype]
      : undefined;
  if (reader === undefined) {
    const named =
      typeof datatype === 'string'
        ? `the datatype ${shortenText(datatype)}`
        : 'a tensor without a datatype';
    throw toRefusal({
      pointer: `/inputs/${index}/datatype`,
      detail: `${named} cannot be sent as binary data`,
    });
  }
  if (bytes.length % reader.bytes !== 0) {
    throw toRefusal({
      pointer: `/inputs/${index}/parameters/binary_data_size`,
      detail: `${bytes.length} bytes are not a whole number of ${String(datatype)} elements of ${reader.bytes} bytes`,
    });
  }
  if (bytes.length / reader.bytes > tensor.mostElements) throw tooMany(index);
  const values: unknown[] = [];
  for (let at = 0; at < bytes.length; at += reader.bytes)
    values.push(plain(reader.read(bytes, at)));
  return values;
}

/** An integer that a double would round stays a bigint, which no column accepts. */
function plain(value: number | bigint | boolean): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  return Number.isNaN(value) ? null : value;
}

function tooMany(index: number): Error {
  const detail = `the binary part has more than ${count(maxElements)} elements; send fewer rows in one request`;
  return toRefusal({ pointer: `/inputs/${index}/parameters/binary_data_size`, detail });
}

function decodeTexts({ bytes, index, mostElements: most }: BinaryTensor): readonly string[] {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length;) {
    if (texts.length >= most) throw tooMany(index);
    const length = bytes.length - at < 4 ? Infinity : bytes.readUInt32LE(at);
    if (length > bytes.length - at - 4) {
      throw toRefusal({
        pointer: `/inputs/${index}`,
        detail: `element ${texts.length} of the BYTES tensor is longer than its binary data`,
      });
    }
    const text = bytes.subarray(at + 4, at + 4 + length);
    if (!isUtf8(text))
      throw toRefusal({
        pointer: `/inputs/${index}`,
        detail: `element ${texts.length} of the BYTES tensor is not valid UTF-8`,
      });
    texts.push(text.toString('utf8'));
    at += 4 + length;
  }
  return texts;
}

/** FP64 elements, little-endian. */
export function binaryNumbers(values: Float64Array): Buffer {
  const bytes = Buffer.alloc(values.length * 8);
  values.forEach((value, place) => bytes.writeDoubleLE(value, place * 8));
  return bytes;
}

/** BYTES elements, each after its length. */
export function binaryTexts(texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

function toRefusal(issue: Issue): Error {
  return failure('InvalidInput', issue.detail, { issues: [issue] });
}

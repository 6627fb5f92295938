import fc from 'fast-check';
import {
  binaryNumbers,
  binaryTexts,
  withBinaryData,
} from '../../../../apps/gateway/inference/binary-tensors';

const tensor = (datatype: string, size: number, more: object = {}) => ({
  name: 'x',
  datatype,
  shape: [1],
  ...more,
  parameters: { binary_data_size: size },
});
const decodeData = (datatype: string, bytes: Buffer): unknown =>
  (
    withBinaryData({ inputs: [tensor(datatype, bytes.length)] }, bytes) as {
      inputs: { data: unknown }[];
    }
  ).inputs[0]?.data;
const toBytes = (view: ArrayBufferView): Buffer =>
  Buffer.from(view.buffer, view.byteOffset, view.byteLength);

describe('a binary tensor', () => {
  test.each<[string, Buffer, readonly unknown[]]>([
    ['BOOL', Buffer.from([1, 0, 2]), [true, false, true]],
    ['INT8', toBytes(Int8Array.of(-1, 2)), [-1, 2]],
    ['INT16', toBytes(Int16Array.of(-300, 2)), [-300, 2]],
    ['INT32', toBytes(Int32Array.of(-70_000, 2)), [-70_000, 2]],
    ['INT64', toBytes(BigInt64Array.of(-5n, 2n ** 40n)), [-5, 2 ** 40]],
    ['UINT8', toBytes(Uint8Array.of(255)), [255]],
    ['UINT16', toBytes(Uint16Array.of(65_535)), [65_535]],
    ['UINT32', toBytes(Uint32Array.of(2 ** 32 - 1)), [2 ** 32 - 1]],
    ['UINT64', toBytes(BigUint64Array.of(2n ** 52n)), [2 ** 52]],
    ['FP32', toBytes(Float32Array.of(0.5, NaN)), [0.5, null]],
    ['FP64', toBytes(Float64Array.of(0.1, -Infinity)), [0.1, -Infinity]],
  ])('of %s has the same values as JSON', (datatype, bytes, values) => {
    expect(decodeData(datatype, bytes)).toEqual(values);
  });

  test('keeps an integer that a double would round, so that the column refuses it', () => {
    expect(decodeData('INT64', toBytes(BigInt64Array.of(2n ** 60n + 1n)))).toEqual([
      2n ** 60n + 1n,
    ]);
  });

  test('of texts or numbers can be written and read back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' })),
        fc.array(fc.double({ noNaN: true })),
        (texts, numbers) => {
          expect(decodeData('BYTES', binaryTexts(texts))).toEqual(texts);
          expect(decodeData('FP64', binaryNumbers(Float64Array.from(numbers)))).toEqual(numbers);
        },
      ),
    );
  });

  test('can be mixed with JSON tensors, in their order', () => {
    const inputs = [tensor('INT8', 1), { name: 'y', data: ['a'] }, tensor('INT8', 2)];
    const { inputs: read } = withBinaryData({ inputs }, Buffer.from([1, 2, 3])) as {
      inputs: { data: unknown }[];
    };
    expect(read.map(({ data }) => data)).toEqual([[1], ['a'], [2, 3]]);
  });
});

test.each<[string, readonly unknown[], Buffer, RegExp]>([
  [
    'fewer bytes than it names',
    [tensor('FP64', 16)],
    Buffer.alloc(8),
    /`binary_data_size` is 16, but only 8 bytes .* are left/,
  ],
  [
    'bytes that no input names',
    [tensor('INT8', 1)],
    Buffer.alloc(3),
    /the binary part has 3 bytes, but the inputs describe 1/,
  ],
  ['an invalid size', [tensor('INT8', -1)], Buffer.alloc(1), /must be a number of bytes/],
  [
    'half an element',
    [tensor('FP64', 12)],
    Buffer.alloc(12),
    /12 bytes are not a whole number of FP64 elements/,
  ],
  [
    'an unknown datatype',
    [tensor('toString', 1)],
    Buffer.alloc(1),
    /the datatype toString cannot be sent as binary data/,
  ],
  [
    'a text beyond its tensor',
    [tensor('BYTES', 6)],
    Buffer.from([9, 0, 0, 0, 65, 66]),
    /element 0 .* longer than its binary data/,
  ],
  [
    'half a length',
    [tensor('BYTES', 2)],
    Buffer.alloc(2),
    /element 0 .* longer than its binary data/,
  ],
  [
    'more elements than a gateway reads at once',
    [tensor('BOOL', 3_000_001)],
    Buffer.alloc(3_000_001),
    /more than 3,000,000 elements/,
  ],
  [
    'more texts than that, over two tensors',
    [tensor('INT8', 2_000_000), tensor('BYTES', 4_000_004)],
    Buffer.alloc(6_000_004),
    /more than 3,000,000 elements/,
  ],
  [
    'invalid UTF-8',
    [tensor('BYTES', 6)],
    Buffer.from([2, 0, 0, 0, 0xc3, 0x28]),
    /element 0 .* not valid UTF-8/,
  ],
])('refuses %s', (_name, inputs, bytes, message) => {
  expect(() => withBinaryData({ inputs }, bytes)).toThrow(message);
});

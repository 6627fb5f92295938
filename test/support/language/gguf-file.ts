/**
 * The part of GGUF version 3 (ggml/docs/gguf.md) that an adapter needs: texts and float32 in the
 * header, and float32 tensors.
 */
export interface GgufTensor {
  readonly name: string;
  /** As rows of columns; in the file, columns come first. */
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

const alignment = 32;
const [typeFloat, typeText, tensorFloat] = [6, 8, 0];

export function ggufFile(
  head: Readonly<Record<string, string | number>>,
  tensors: readonly GgufTensor[],
): Buffer {
  const parts = [
    Buffer.from('GGUF'),
    uint32(3),
    uint64(tensors.length),
    uint64(Object.keys(head).length),
  ];
  for (const [key, value] of Object.entries(head)) {
    parts.push(
      text(key),
      ...(typeof value === 'string'
        ? [uint32(typeText), text(value)]
        : [uint32(typeFloat), float32(value)]),
    );
  }
  let offset = 0;
  for (const { name, rows, columns } of tensors) {
    parts.push(
      text(name),
      uint32(2),
      uint64(columns),
      uint64(rows),
      uint32(tensorFloat),
      uint64(offset),
    );
    offset += padded(rows * columns * 4);
  }
  const described = Buffer.concat(parts);
  const data = tensors.map(({ values }) =>
    Buffer.concat([
      Buffer.from(values.buffer),
      Buffer.alloc(padded(values.byteLength) - values.byteLength),
    ]),
  );
  return Buffer.concat([
    described,
    Buffer.alloc(padded(described.length) - described.length),
    ...data,
  ]);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

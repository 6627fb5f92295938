/**
 * Merkle trees after RFC 6962 §2.1 (Certificate Transparency). The hash function is an argument,
 * because workflow code has no node:crypto.
 */
export type Hash = (bytes: Uint8Array) => Uint8Array;

// Different prefixes prevent an inner node from being used as a leaf (second preimage).
const leafPrefix = 0;
const innerPrefix = 1;

export function leafHash(hash: Hash, content: Uint8Array): Uint8Array {
  return hash(hashParts(leafPrefix, content));
}

/** The root of one leaf or more. */
export function merkleRoot(hash: Hash, leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves;
  if (only === undefined) throw new RangeError('a Merkle tree has at least one leaf');
  if (leaves.length === 1) return only;
  const left = leftSize(leaves.length);
  return innerHash(
    hash,
    merkleRoot(hash, leaves.slice(0, left)),
    merkleRoot(hash, leaves.slice(left)),
  );
}

/** The audit path: hashes of the sibling trees from the leaf to the root. */
export function inclusionPath(
  hash: Hash,
  leaves: readonly Uint8Array[],
  index: number,
): Uint8Array[] {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length)
    throw new RangeError(`no leaf ${index} among ${leaves.length}`);
  if (leaves.length === 1) return [];
  const left = leftSize(leaves.length);
  return index < left
    ? [...inclusionPath(hash, leaves.slice(0, left), index), merkleRoot(hash, leaves.slice(left))]
    : [
        ...inclusionPath(hash, leaves.slice(left), index - left),
        merkleRoot(hash, leaves.slice(0, left)),
      ];
}

/** The root of a path; null when the length does not fit leaf `index` of `size`. */
export function rootFromPath(
  hash: Hash,
  leaf: Uint8Array,
  {
    index,
    size,
    path,
  }: { readonly index: number; readonly size: number; readonly path: readonly Uint8Array[] },
): Uint8Array | null {
  if (!Number.isInteger(index) || index < 0 || index >= size) return null;
  if (size === 1) return path.length === 0 ? leaf : null;
  const sibling = path.at(-1);
  if (sibling === undefined) return null;
  const left = leftSize(size);
  const below = path.slice(0, -1);
  if (index < left) {
    const subtree = rootFromPath(hash, leaf, { index, size: left, path: below });
    return subtree && innerHash(hash, subtree, sibling);
  }
  const subtree = rootFromPath(hash, leaf, { index: index - left, size: size - left, path: below });
  return subtree && innerHash(hash, sibling, subtree);
}

function innerHash(hash: Hash, left: Uint8Array, right: Uint8Array): Uint8Array {
  return hash(hashParts(innerPrefix, left, right));
}

/** The largest power of two smaller than `size`. */
function leftSize(size: number): number {
  let left = 1;
  while (left * 2 < size) left *= 2;
  return left;
}

function hashParts(prefix: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(1 + parts.reduce((length, part) => length + part.length, 0));
  bytes[0] = prefix;
  let at = 1;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

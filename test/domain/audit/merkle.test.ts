import { createHash } from 'node:crypto';
import fc from 'fast-check';
import {
  inclusionPath,
  leafHash,
  merkleRoot,
  rootFromPath,
  type Hash,
} from '../../../domain/audit/merkle';

const sha256: Hash = (bytes) => createHash('sha256').update(bytes).digest();
const hex = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString('hex');

// The tree of the Certificate Transparency project's own test vectors (merkletree_test.go): eight
// leaves of these bytes.
const vectors = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const leaves = vectors.map((bytes) => leafHash(sha256, Buffer.from(bytes, 'hex')));

describe('the audit log’s Merkle tree', () => {
  test.each(roots.map((root, index) => [index + 1, root]))(
    'of %i leaves has the root of RFC 6962',
    (size, root) => {
      expect(hex(merkleRoot(sha256, leaves.slice(0, size)))).toBe(root);
    },
  );

  test('needs at least one leaf', () => {
    expect(() => merkleRoot(sha256, [])).toThrow(RangeError);
    expect(() => inclusionPath(sha256, leaves, 8)).toThrow(RangeError);
  });

  const trees = fc
    .array(fc.uint8Array({ maxLength: 12 }), { minLength: 1, maxLength: 70 })
    .chain((contents) =>
      fc.tuple(
        fc.constant(contents.map((content) => leafHash(sha256, content))),
        fc.nat(contents.length - 1),
      ),
    );

  test('the path of every leaf of every size gives the root', () => {
    fc.assert(
      fc.property(trees, ([all, index]) => {
        const path = inclusionPath(sha256, all, index);
        expect(path.length).toBeLessThanOrEqual(Math.ceil(Math.log2(all.length)));
        const leaf = all[index] ?? new Uint8Array();
        expect(hex(rootFromPath(sha256, leaf, { index, size: all.length, path }))).toBe(
          hex(merkleRoot(sha256, all)),
        );
      }),
    );
  });

  test('no other leaf, index, size or path gives the root', () => {
    fc.assert(
      fc.property(trees, fc.nat(), ([all, index], salt) => {
        const root = hex(merkleRoot(sha256, all));
        const path = inclusionPath(sha256, all, index);
        const leaf = all[index] ?? new Uint8Array();
        const size = all.length;
        const other = leafHash(sha256, Buffer.from(`other ${salt}`));
        expect(hex(rootFromPath(sha256, other, { index, size, path }))).not.toBe(root);
        expect(hex(rootFromPath(sha256, leaf, { index, size, path: [...path, other] }))).not.toBe(
          root,
        );
        expect(rootFromPath(sha256, leaf, { index: size, size, path })).toBeNull();
        if (path.length === 0) return;
        expect(rootFromPath(sha256, leaf, { index, size, path: path.slice(1) })).toBeNull();
        const place = salt % path.length;
        expect(
          hex(rootFromPath(sha256, leaf, { index, size, path: path.with(place, other) })),
        ).not.toBe(root);
        const swapped = index ^ 1;
        if (swapped < size && hex(all[swapped] ?? null) !== hex(leaf)) {
          expect(hex(rootFromPath(sha256, leaf, { index: swapped, size, path }))).not.toBe(root);
        }
      }),
    );
  });

  test('an inner node is not accepted as a leaf', () => {
    const [a, b] = [leaves[0] ?? new Uint8Array(), leaves[1] ?? new Uint8Array()];
    expect(hex(leafHash(sha256, Buffer.concat([a, b])))).not.toBe(hex(merkleRoot(sha256, [a, b])));
  });
});

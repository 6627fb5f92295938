/**
 * Jest's node environment with this realm's typed arrays. Jest shares Uint8Array and ArrayBuffer
 * with its sandbox but not the others, so that what native addons (onnxruntime) return fails
 * `instanceof` inside tests and nowhere else.
 */
const { TestEnvironment } = require('jest-environment-node');

module.exports = class extends TestEnvironment {
  async setup() {
    await super.setup();
    Object.assign(this.global, {
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
      Int32Array,
      Uint32Array,
      Int16Array,
      Uint16Array,
      Int8Array,
    });
  }
};

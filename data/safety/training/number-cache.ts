import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../digest';
import { llmFolder } from '../../language/runtime-module';

/**
 * A cache on disk for numbers that take minutes to compute, keyed by the digest of everything that
 * they depend on. Training and benchmarks share it.
 */
export function cachedNumbers(
  name: string,
  dependsOn: unknown,
): { read(): Float32Array | null; write(numbers: Float32Array): void } {
  const folder = join(llmFolder, 'cache');
  const path = join(
    folder,
    `${name}-${sha256(JSON.stringify(dependsOn)).slice('sha256:'.length, 31)}.f32`,
  );
  return {
    read() {
      try {
        const bytes = readFileSync(path);
        return new Float32Array(
          bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
        );
      } catch {
        return null;
      }
    },
    write(numbers) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${path}.${process.pid}`, numbers);
      renameSync(`${path}.${process.pid}`, path);
    },
  };
}

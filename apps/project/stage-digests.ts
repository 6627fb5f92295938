/** The digest of each stage's code, so that a change of one stage reruns that stage alone. */
import { createHash } from 'node:crypto';
import { build } from 'esbuild';
import type { Digest } from '../../domain/dataset/artifact';
import { nodeBundle } from './project-folder';

/**
 * Each export is bundled alone with what it uses, without names, comments and blanks. A change of
 * a file or package that a stage does not use leaves its digest as it is.
 */
export async function stageDigests(
  folder: string,
  entry: string,
  exported: readonly string[],
): Promise<Readonly<Record<string, Digest>>> {
  const digests = await Promise.all(
    exported.map(async (name): Promise<readonly [string, Digest]> => {
      const { outputFiles = [] } = await build({
        ...nodeBundle(folder),
        minify: true,
        stdin: {
          contents: `export { ${name} } from ${JSON.stringify(entry)};`,
          resolveDir: folder,
          sourcefile: 'stage.ts',
          loader: 'ts',
        },
      });
      const hash = createHash('sha256').update(outputFiles[0]?.text ?? '');
      return [name, `sha256:${hash.digest('hex')}`];
    }),
  );
  return Object.fromEntries(digests);
}

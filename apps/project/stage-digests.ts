/** The digest of each stage's code, so that a change of one stage reruns that stage alone. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { build, type Plugin } from 'esbuild';
import ts from 'typescript';
import type { Digest } from '../../domain/artifact';
import { packageName } from '../../domain/version';
import { nodeBundle } from './project-folder';

interface ExportedStage {
  /** The name of the export. */
  readonly exported: string;
  /** The name of the stage. */
  readonly name: string;
}

/**
 * Digests by the name of the stage. Each stage is bundled with what it uses, without the other
 * stages, comments and blanks. A change of code that a stage does not use leaves its digest as it
 * is.
 */
export async function stageDigests(
  folder: string,
  entry: string,
  stages: readonly ExportedStage[],
): Promise<Readonly<Record<string, Digest>>> {
  const digests = await Promise.all(
    stages.map(async ({ exported, name }): Promise<readonly [string, Digest]> => {
      const { outputFiles = [] } = await build({
        ...nodeBundle(folder),
        // The declarations of Perennial itself are not code of the stage.
        plugins: [withoutOtherStages(name)],
        external: [packageName],
        minify: true,
        stdin: {
          contents: `export { ${exported} } from ${JSON.stringify(entry)};`,
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

/** The bundler alone keeps the other stages, because it cannot know that their calls do nothing. */
function withoutOtherStages(name: string): Plugin {
  return {
    name: 'one-stage',
    setup(builder) {
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (path.includes('/node_modules/')) return null;
        const text = readFileSync(path, 'utf8');
        return text.includes('defineStage')
          ? { contents: withoutStages(path, text, name), loader: 'ts' }
          : null;
      });
    },
  };
}

function withoutStages(path: string, text: string, kept: string): string {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const removed: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    const name = stageName(node);
    if (name === null) ts.forEachChild(node, visit);
    else if (name !== kept) removed.push(node);
  };
  visit(source);
  return removed.reduceRight(
    (left, node) => `${left.slice(0, node.getStart(source))}undefined${left.slice(node.getEnd())}`,
    text,
  );
}

/** The name in `defineStage({ name: '…' })`; null for any other node. */
function stageName(node: ts.Node): string | null {
  if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return null;
  const [given] = node.arguments;
  if (node.expression.text !== 'defineStage' || !given || !ts.isObjectLiteralExpression(given))
    return null;
  for (const property of given.properties)
    if (
      ts.isPropertyAssignment(property) &&
      property.name.getText() === 'name' &&
      ts.isStringLiteral(property.initializer)
    )
      return property.initializer.text;
  return null;
}

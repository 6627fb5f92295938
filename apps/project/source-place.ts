import { relative } from 'node:path';
import type ts from 'typescript';
import type { Issue } from '../../domain/failure';

/** File, line and column of a node, as issues name them. The file is relative to the project. */
export function findPlace(
  folder: string,
  source: ts.SourceFile,
  node: ts.Node,
): Required<Pick<Issue, 'file' | 'line' | 'column'>> {
  const { line, character } = source.getLineAndCharacterOfPosition(node.getStart(source));
  return { file: relative(folder, source.fileName), line: line + 1, column: character + 1 };
}

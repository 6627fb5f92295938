/** Type-checks a project with its own TypeScript. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Issue } from '../../domain/failure';

/**
 * The errors of `tsc`, with file, line and column. Null when the project has not installed
 * TypeScript.
 */
export async function typeIssues(folder: string): Promise<readonly Issue[] | null> {
  const compiler = findCompiler(folder);
  if (compiler === null) return null;
  const args = [
    ...['--noEmit', '--pretty', 'false', '-p', join(folder, 'tsconfig.json')],
    ...['--incremental', '--tsBuildInfoFile'],
    join(folder, '.perennial', 'project', 'types.tsbuildinfo'),
  ];
  const child = spawn(process.execPath, [compiler, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const code = await new Promise<number | null>((settle, reject) =>
    child.once('error', reject).once('close', settle),
  );
  return code === 0 ? [] : issuesIn(output);
}

/** `a/b.ts(3,5): error TS2322: text`; lines that begin with blanks continue the error. */
function issuesIn(output: string): readonly Issue[] {
  const issues: Issue[] = [];
  for (const line of output.split('\n').filter((each) => each.trim() !== '')) {
    const [, file, row, column, text] =
      /^(.+)\((\d+),(\d+)\): (?:error|warning) (TS\d+: .*)$/.exec(line) ?? [];
    const last = issues.at(-1);
    if (file !== undefined && text !== undefined)
      issues.push({
        pointer: '',
        file,
        line: Number(row),
        column: Number(column),
        detail: text,
      });
    else if (/^\s/.test(line) && last)
      issues[issues.length - 1] = { ...last, detail: `${last.detail}\n    ${line.trim()}` };
    else issues.push({ pointer: '', detail: line });
  }
  return issues;
}

function findCompiler(folder: string): string | null {
  try {
    return createRequire(join(folder, 'package.json')).resolve('typescript/bin/tsc');
  } catch {
    return null;
  }
}

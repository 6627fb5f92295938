import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Flight } from './flights';

export const tools = ['evidently', 'nannyml'] as const;
export type Tool = (typeof tools)[number];

/** The columns that a tool flags, by chunk and by its test. */
export type Flagged = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

const environments = join(resolve(__dirname, '..', '..'), '.perennial', 'drift-tools');

/** Null where the tool is not installed. */
export function findPython(tool: Tool): string | null {
  const python = join(environments, tool, 'bin', 'python');
  return existsSync(python) ? python : null;
}

/** Compares each chunk with the reference, whose chunks are its days. */
export async function flaggedBy(
  tool: Tool,
  python: string,
  rows: {
    readonly reference: readonly (readonly Flight[])[];
    readonly chunks: ReadonlyMap<string, readonly Flight[]>;
  },
): Promise<{ readonly flagged: Flagged; readonly seconds: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  try {
    writeCsv(
      join(folder, 'reference.csv'),
      rows.reference.map((day, at) => [String(at), day]),
    );
    writeCsv(join(folder, 'chunks.csv'), [...rows.chunks]);
    const startedAt = performance.now();
    const out = await readOutput(python, [join(__dirname, 'others.py'), tool, folder]);
    const seconds = (performance.now() - startedAt) / 1000;
    return { flagged: JSON.parse(out.trim().split('\n').at(-1) ?? '') as Flagged, seconds };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeCsv(file: string, chunks: readonly (readonly [string, readonly Flight[]])[]): void {
  const names = Object.keys(chunks[0]?.[1][0]?.values ?? {});
  const lines = chunks.flatMap(([chunk, flights]) =>
    flights.map(({ values }) =>
      [chunk, ...names.map((name) => String((values[name] ?? '') as string | number))].join(','),
    ),
  );
  writeFileSync(file, `${[['chunk', ...names].join(','), ...lines].join('\n')}\n`);
}

async function readOutput(command: string, args: readonly string[]): Promise<string> {
  // Both report their use to their makers otherwise.
  const env = { ...process.env, DO_NOT_TRACK: '1', NML_DISABLE_USAGE_LOGGING: '1' };
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  let out = '';
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
  return out;
}

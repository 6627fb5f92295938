/**
 * A copy of samples/own-lifecycle whose stage writes down each execution. It, the step and each item
 * of the map take a second, so that a test can kill their process in the middle.
 */
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const sample = resolve(__dirname, '..', '..', '..', 'samples', 'own-lifecycle');

export interface WatchedSample {
  readonly folder: string;
  readonly lifecycle: string;
  readonly project: string;
  /** The executions of the stage in TypeScript, in order. */
  executions(): readonly WatchedExecution[];
}

export interface WatchedExecution {
  readonly stage: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * What each stage of a run is, in order. `profile` is the map. The last two begin around the
 * approval.
 */
export const sampleStages = [
  'ingest',
  'validate',
  'weather',
  'rush_hours',
  'profile',
  'train',
  'evaluate',
  'promote',
] as const;

export function writeWatchedSample(parent: string): WatchedSample {
  const folder = join(parent, 'watched');
  const log = join(parent, 'executions.txt');
  cpSync(sample, folder, { recursive: true });
  edit(join(folder, 'stages', 'index.ts'), [
    [/^import /m, `import { appendFileSync } from 'node:fs';\n$&`],
    [/(async run\(ctx, \{ bikes \}\) \{)/, `$1${note('weather')}`],
  ]);
  edit(join(folder, 'steps', 'rush.py'), [
    [/^from dataclasses/m, 'import time\n$&'],
    [/(    rows = hours\.arrow)/, '    time.sleep(1)\n$1'],
  ]);
  edit(join(folder, 'steps', 'profile.py'), [
    [/^from dataclasses/m, 'import time\n$&'],
    [/(    rows = hours\.arrow)/, '    time.sleep(1)\n$1'],
  ]);
  function note(stage: string): string {
    return (
      `\n    appendFileSync(${JSON.stringify(log)}, '${stage} ' + Date.now() + '\\n');` +
      `\n    await new Promise((settle) => setTimeout(settle, 1000));`
    );
  }
  return {
    folder,
    lifecycle: 'own-lifecycle',
    project: 'bikes',
    executions: () =>
      existsSync(log)
        ? readFileSync(log, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => {
              const [stage = '', at] = line.split(' ');
              return { stage, at: Number(at) };
            })
        : [],
  };
}

function edit(path: string, changes: readonly (readonly [RegExp, string])[]): void {
  let text = readFileSync(path, 'utf8');
  for (const [from, to] of changes) {
    if (!from.test(text)) throw new Error(`${path} does not contain ${String(from)}`);
    text = text.replace(from, to);
  }
  writeFileSync(path, text);
}

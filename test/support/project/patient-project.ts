/**
 * A project whose stages write down each execution and then wait for a file, so that a test can
 * act in the middle of a stage.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const sample = resolve(__dirname, '..', '..', '..', 'samples', 'own-lifecycle');

export interface PatientProject {
  readonly folder: string;
  readonly lifecycle: string;
  /** Compiles each stage with this number in its code and its output. */
  writeStages(versions: { readonly first: number; readonly second: number }): void;
  /** `<stage> <version>` for each execution, and `undo <stage>`, in order. */
  executions(): readonly string[];
  /** Lets executions of the stage end, now and later. */
  release(stage: 'first' | 'second'): void;
  /** Executions of both stages wait again, and the journal is empty. */
  reset(): void;
}

export function writePatientProject(parent: string): PatientProject {
  const folder = join(parent, 'patient');
  const journal = join(folder, 'journal.txt');
  const gate = (stage: string): string => join(folder, `${stage}.go`);
  for (const part of ['lifecycles', 'stages']) mkdirSync(join(folder, part), { recursive: true });
  for (const part of ['sql', 'contracts'])
    cpSync(join(sample, part), join(folder, part), { recursive: true });
  const config = readFileSync(join(sample, 'perennial.config.ts'), 'utf8');
  writeFileSync(
    join(folder, 'perennial.config.ts'),
    config
      .replace("name: 'bikes'", "name: 'patient'")
      .replace("'own-lifecycle': {", 'patient: {')
      .replace(
        /params: z\.object\(\{.*?\}\),/s,
        'params: z.object({ seed: z.number().default(0) }),',
      )
      // Tests trigger it.
      .replace('promote: {', "schedule: { cron: '0 0 1 1 *', overlap: 'allowAll' },\n        $&"),
  );
  writeFileSync(join(folder, 'lifecycles', 'patient.ts'), lifecycleText);
  const stageText = (name: string, version: number): string => `
export const ${name} = defineStage({
  name: '${name}',
  input: z.object({ seed: z.number() }),
  output: z.object({ value: z.string() }),
  async run(ctx) {
    appendFileSync(${JSON.stringify(journal)}, '${name} ${version}\\n');
    while (!existsSync(${JSON.stringify(gate(name))})) {
      ctx.signal.throwIfAborted();
      await new Promise((settle) => setTimeout(settle, 50));
    }
    return { value: '${name} ${version}' };
  },
  undo() {
    appendFileSync(${JSON.stringify(journal)}, 'undo ${name}\\n');
  },
});
`;
  return {
    folder,
    lifecycle: 'patient',
    writeStages: ({ first, second }) =>
      writeFileSync(
        join(folder, 'stages', 'index.ts'),
        `import { appendFileSync, existsSync } from 'node:fs';
import { defineStage, z } from '@perennial-dev/perennial';
${stageText('first', first)}${stageText('second', second)}`,
      ),
    executions: () => (existsSync(journal) ? readFileSync(journal, 'utf8').trim().split('\n') : []),
    release: (stage) => writeFileSync(gate(stage), ''),
    reset: () => {
      for (const path of [journal, gate('first'), gate('second')]) rmSync(path, { force: true });
    },
  };
}

const lifecycleText = `import { lifecycle } from '@perennial-dev/perennial/workflow';
import type * as stages from '../stages';

export const patient = lifecycle<typeof stages, { seed: number }>(async (run, { seed }) => {
  const first = await run.stage('first', { seed });
  const second = await run.stage('second', { seed });
  return run.done(\`\${first.value}, \${second.value}\`);
});
`;

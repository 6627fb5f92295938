import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import { failure } from '../../domain/failure';
import { stepFilePaths } from './step-files';

export interface InspectStepsSettings {
  /** The platform's Python, or that of the project's environment if it has requirements. */
  readonly python: string;
  /** The job runtime, `trainers/runtime`. */
  readonly runtimeDir: string;
  /** Folders that the project's code does not see, where the system allows it. */
  readonly hidden?: readonly string[];
  /** Time limit for loading one file; default 30. */
  readonly seconds?: number;
}

const stepSchema = z.strictObject({
  name: z.string(),
  file: z.string(),
  line: z.number(),
  function: z.string(),
  /** JSON Schema of an object with the arguments by name. */
  input: z.record(z.string(), z.unknown()),
  /** JSON Schema. */
  output: z.record(z.string(), z.unknown()),
});
const problemSchema = z.strictObject({ file: z.string(), line: z.number(), message: z.string() });
const answerSchema = z.object({
  steps: z.array(stepSchema),
  problems: z.array(problemSchema),
});

export type InspectedStep = z.infer<typeof stepSchema>;
export type StepProblem = z.infer<typeof problemSchema>;

export interface InspectedSteps {
  readonly steps: readonly InspectedStep[];
  /** Errors of the author, each with file and line. A build with one must be refused. */
  readonly problems: readonly StepProblem[];
}

/**
 * Lists the functions with `@step` in `steps/*.py` of a project. Runs the files' top level in a
 * confined process with a time limit.
 * @throws BackendUnavailable if Python does not run.
 */
export async function inspectSteps(
  folder: string,
  settings: InspectStepsSettings,
): Promise<InspectedSteps> {
  const files = stepFilePaths(folder);
  if (!files.some((path) => /^steps\/[^/]+\.py$/.test(path))) return { steps: [], problems: [] };
  const { hidden = [], seconds = 30 } = settings;
  const text = await run(settings, JSON.stringify({ root: folder, files, hidden, seconds }));
  const { steps, problems } = answerSchema.parse(JSON.parse(text));
  return { steps, problems: [...problems, ...sameNames(steps)] };
}

function sameNames(steps: readonly InspectedStep[]): StepProblem[] {
  return steps.flatMap((step, index) => {
    const first = steps.findIndex(({ name }) => name === step.name);
    const other = steps[first];
    if (first === index || other === undefined) return [];
    const { name, file, line } = step;
    const message = `step ${name} has the same name as ${other.file}:${other.line}. Rename one of them`;
    return [{ file, line, message }];
  });
}

function run({ python, runtimeDir }: InspectStepsSettings, order: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, ['-I', join(runtimeDir, 'step', 'inspect_steps.py')], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // Without the environment of this process, which may have credentials.
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8' },
    });
    let [out, complaints] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
    child.stdin.on('error', () => undefined); // `close` reports the reason
    child.stdin.end(order);
    const failAsGone = (detail: string, cause?: unknown) =>
      failure('BackendUnavailable', `cannot read the Python steps: ${detail}`, {
        cause,
        next: 'Run `node bin/provision.mjs`, or set PERENNIAL_PYTHON to a Python 3.11 or newer',
      });
    child.on('error', (cause) => reject(failAsGone(`${python} does not run`, cause)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(out);
      else
        reject(failAsGone(`${signal ?? `exit code ${code}`}: ${complaints.trim().slice(-1_000)}`));
    });
  });
}

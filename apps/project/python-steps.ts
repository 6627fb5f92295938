/** Finds the Python steps of a project and locks their packages. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { computeDigest } from '../../data/digest';
import { inspectSteps } from '../../data/project/inspect-steps';
import { projectRequirements } from '../../data/project/requirements';
import { stepCodeDigest, stepFilePaths } from '../../data/project/step-files';
import {
  openPythonEnvironments,
  type PythonEnvironmentSettings,
} from '../../data/training/python-environments';
import { invalidInput } from '../../domain/document/issue-text';
import type { Issue } from '../../domain/failure';
import { computeSchema } from '../../domain/lifecycle/lifecycle.schema';
import type { ProjectConfig } from '../../domain/project/config';
import type { ProgramSpec, ProjectStepSpec } from '../../domain/lifecycle/sections/program';
import { isBuiltInStage } from '../../domain/lifecycle/stages';
import { configName, type ProjectFolder } from './project-folder';

/** Python on the machine that builds the project. */
export type PythonMachine = PythonEnvironmentSettings;

interface DescribedSteps {
  readonly steps: ProgramSpec['steps'];
  readonly files: Readonly<Record<string, Buffer>>;
  readonly lock: string | null;
}

interface StepDescription {
  readonly machine: PythonMachine;
  readonly config: Pick<ProjectConfig, 'steps'>;
  readonly stages: ProgramSpec['stages'];
}

/** @throws InvalidInput with file and line of each error in the Python files. */
export async function describeSteps(
  { folder }: ProjectFolder,
  { machine, config, stages }: StepDescription,
): Promise<DescribedSteps> {
  const paths = stepFilePaths(folder);
  if (!paths.some((path) => path.startsWith('steps/'))) return { steps: {}, files: {}, lock: null };
  const requirements = projectRequirements(folder);
  const environments = openPythonEnvironments(machine);
  const lock = requirements === null ? null : await environments.lock(requirements);
  const python = lock === null ? machine.python : await environments.ensure(lock);
  const { steps, problems } = await inspectSteps(folder, { ...machine, python });
  const issues = [
    ...problems.map(({ file, line, message }): Issue => ({
      pointer: '',
      file,
      line,
      detail: message,
    })),
    ...nameIssues(steps, { config, stages }),
  ];
  if (issues.length > 0)
    throw invalidInput('the folder steps', issues, 'correct the errors, then perennial deploy');
  const code = computeDigest({ files: stepCodeDigest(folder, paths), lock });
  const described = steps.map(({ name, file, function: func }): [string, ProjectStepSpec] => {
    const compute = computeSchema.parse(config.steps?.[name]?.compute ?? {});
    return [name, { file, function: func, code, compute }];
  });
  const files = paths.map((path): [string, Buffer] => [path, readFileSync(join(folder, path))]);
  return { steps: Object.fromEntries(described), files: Object.fromEntries(files), lock };
}

function nameIssues(
  steps: readonly { readonly name: string; readonly file: string; readonly line: number }[],
  { stages, config }: Pick<StepDescription, 'stages' | 'config'>,
): readonly Issue[] {
  const taken = steps
    .filter(({ name }) => Object.hasOwn(stages, name) || isBuiltInStage(name))
    .map(({ name, file, line }): Issue => ({
      pointer: '',
      file,
      line,
      detail: `the step ${name} has the name of a ${isBuiltInStage(name) ? 'built-in ' : ''}stage`,
      expected: 'another name',
    }));
  const unknown = Object.keys(config.steps ?? {})
    .filter((name) => !steps.some((step) => step.name === name))
    .map((name): Issue => ({
      pointer: '',
      file: configName,
      detail: `there is no step ${name} in steps/`,
      expected: `one of ${steps.map((step) => step.name).join(', ')}`,
    }));
  const several = Object.entries(config.steps ?? {})
    .filter(([, { compute }]) => (compute?.nodes ?? 1) > 1)
    .map(([name]): Issue => ({
      pointer: '',
      file: configName,
      detail: `the step ${name} cannot run on several nodes`,
      expected: 'nodes: 1, or a trainer such as torch, which can use them',
    }));
  return [...taken, ...unknown, ...several];
}

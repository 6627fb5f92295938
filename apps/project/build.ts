/** Builds a project: checks it, compiles it and describes its lifecycles. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { z } from 'zod';
import type { Digest } from '../../domain/dataset/artifact';
import { parseDuration } from '../../domain/duration';
import { failure, type Issue } from '../../domain/failure';
import { apiVersion } from '../../domain/lifecycle/lifecycle.schema';
import type { ProjectConfig, ProjectLifecycleConfig } from '../../domain/project/config';
import type { ProgramSpec, ProjectBuild, ProjectStageSpec } from '../../domain/project/program';
import { isStageDefinition, stageDefaults, type StageDefinition } from '../../domain/project/stage';
import { digestOf, sha256 } from '../../data/digest';
import { determinismIssues } from './determinism';
import { compile, evaluate } from './load-module';
import { describeSteps, type PythonMachine } from './python-steps';
import { configName, openProjectFolder, sdkEntry, type ProjectFolder } from './project-folder';
import { stageDigests } from './stage-digests';

export interface BuiltProject {
  readonly build: ProjectBuild;
  readonly digest: Digest;
  /** The bundle for Temporal's sandbox. */
  readonly workflows: string;
  /** The module that exports the stages. */
  readonly stages: string;
  /** The files of Python steps, by path. */
  readonly files: Readonly<Record<string, Buffer>>;
  /** The locked Python packages; null without requirements. */
  readonly lock: string | null;
  /** The document of each lifecycle, as `lifecycle.yaml` would have it. */
  documents(
    stored: Pick<ProgramSpec, 'files' | 'environment'>,
  ): Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** @throws InvalidInput with the file, line and alternative of each error. */
export async function buildProject(folder: string, machine: PythonMachine): Promise<BuiltProject> {
  const project = openProjectFolder(resolve(folder));
  const config = await readConfig(project);
  const issues = [
    ...lifecycleIssues(project, config),
    ...determinismIssues(project, Object.values(project.lifecycles)),
  ];
  if (issues.length > 0) throw invalid(config.name, issues);

  const stagesCode = project.stages === null ? '' : await compile(project.folder, project.stages);
  const stages = await describeStages(project, stagesCode);
  const python = await describeSteps(project, { machine, config, stages });
  const workflows = await bundleLifecycles(project);
  const build: ProjectBuild = {
    project: config.name,
    lifecycles: Object.keys(config.lifecycles).sort(),
    workflows: sha256(workflows),
    stages: sha256(stagesCode),
    files: Object.fromEntries(
      Object.entries(python.files).map(([path, bytes]) => [path, sha256(bytes)]),
    ),
    environment: python.lock === null ? null : sha256(python.lock),
  };
  const digest = digestOf(build);
  const { files, lock, steps } = python;
  const documents: BuiltProject['documents'] = ({ files: stored, environment }) => {
    const shared = { project: config.name, build: digest };
    const program = { ...shared, stages, steps, files: stored, environment };
    return Object.fromEntries(
      Object.entries(config.lifecycles).map(([name, lifecycle]) => [
        name,
        documentOf(config.owner, { name, lifecycle, program }),
      ]),
    );
  };
  return { build, digest, workflows, stages: stagesCode, files, lock, documents };
}

async function readConfig({ folder, config }: ProjectFolder): Promise<ProjectConfig> {
  const { default: exported } = evaluate(await compile(folder, config), folder);
  const { name, owner, lifecycles, steps = {} } = (exported ?? {}) as Partial<ProjectConfig>;
  if (typeof name !== 'string' || typeof owner !== 'string' || typeof lifecycles !== 'object')
    throw failure('InvalidInput', `${configName} has no project as its default export`, {
      next: 'export default defineProject({ name, owner, lifecycles })',
    });
  return { name, owner, lifecycles, steps };
}

/** Each lifecycle of the configuration has a file, and each file a configuration. */
function lifecycleIssues(project: ProjectFolder, { lifecycles }: ProjectConfig): readonly Issue[] {
  const files = Object.keys(project.lifecycles);
  const names = Object.keys(lifecycles);
  const missing = names
    .filter((name) => !files.includes(name))
    .map((name) => ({
      pointer: '',
      file: configName,
      detail: `lifecycle ${name} has no file lifecycles/${name}.ts`,
      expected: `a file that exports lifecycle(…)`,
    }));
  const unused = files
    .filter((name) => !names.includes(name))
    .map((name) => ({
      pointer: '',
      file: `lifecycles/${name}.ts`,
      detail: `${configName} does not list the lifecycle ${name}`,
      expected: `lifecycles: { ${JSON.stringify(name)}: { spec: … } }, or another folder for the file`,
    }));
  return [...missing, ...unused];
}

async function describeStages(
  { folder, stages }: ProjectFolder,
  code: string,
): Promise<ProgramSpec['stages']> {
  if (stages === null) return {};
  const exported = Object.entries(evaluate(code, folder)).filter(
    (entry): entry is [string, StageDefinition] => isStageDefinition(entry[1]),
  );
  const names = exported.map(([, { name }]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw failure('InvalidInput', `${relative(folder, stages)}: two stages are named ${twice}`, {
      next: 'give each stage its own name in defineStage',
    });
  const digests = await stageDigests(
    folder,
    stages,
    exported.map(([name, stage]) => ({ exported: name, name: stage.name })),
  );
  const described = exported.map(([, stage]): readonly [string, ProjectStageSpec] => [
    stage.name,
    {
      code: digests[stage.name] ?? sha256(''),
      cache: stage.cache ?? stageDefaults.cache,
      timeoutSeconds: timeoutOf(stage),
      attempts: stage.retry?.attempts ?? stageDefaults.attempts,
      hasUndo: stage.undo !== undefined,
    },
  ]);
  return Object.fromEntries(described);
}

function timeoutOf({ name, timeout = stageDefaults.timeout }: StageDefinition): number {
  const duration = parseDuration(timeout);
  if (duration === null || duration.months > 0 || duration.seconds === 0)
    throw failure('InvalidInput', `stage ${name}: timeout cannot be ${JSON.stringify(timeout)}`, {
      next: 'use a duration such as 90s, 30m or 6h',
    });
  return duration.seconds;
}

function documentOf(
  owner: string,
  {
    name,
    lifecycle: { params, labels, spec },
    program: shared,
  }: {
    readonly name: string;
    readonly lifecycle: ProjectLifecycleConfig;
    readonly program: Omit<ProgramSpec, 'params'>;
  },
): Readonly<Record<string, unknown>> {
  const schema = params ? z.toJSONSchema(params, { io: 'input' }) : null;
  const program: ProgramSpec = { ...shared, params: schema };
  return {
    apiVersion,
    kind: 'ModelLifecycle',
    metadata: { name, owner, ...(labels && { labels }) },
    spec: { ...spec, program },
  };
}

const root = resolve(__dirname, '..', '..');

/** Each workflow type has the name of its lifecycle, which may not be a name in TypeScript. */
async function bundleLifecycles(project: ProjectFolder): Promise<string> {
  const entry = join(project.generated, 'workflows.js');
  mkdirSync(project.generated, { recursive: true });
  const exports = Object.entries(project.lifecycles).map(
    ([name, path]) =>
      `exports[${JSON.stringify(name)}] = onlyFunction(${JSON.stringify(name)}, require(${JSON.stringify(path)}));`,
  );
  writeFileSync(entry, `${onlyFunction}\n${exports.join('\n')}\n`);
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const errors: string[] = [];
  const bundled = bundleWorkflowCode({
    workflowsPath: entry,
    workflowInterceptorModules: [join(root, 'workflows', 'run-priority.ts')],
    logger: { ...quiet, error: (message) => errors.push(message) },
    webpackConfigHook: (config) => ({
      ...config,
      // Relative names, so that equal code gives equal bytes in every folder.
      output: { ...config.output, devtoolModuleFilenameTemplate: '[resource-path]' },
      resolve: {
        ...config.resolve,
        // A project that is not installed yet finds the SDK beside Perennial.
        modules: [...(config.resolve?.modules ?? []), join(root, 'node_modules')],
        alias: {
          ...(config.resolve?.alias as Readonly<Record<string, string | false | string[]>>),
          'perennial/workflow$': sdkEntry('perennial/workflow', project.folder),
        },
      },
    }),
  });
  const { code } = await bundled.catch((error: unknown) => {
    const detail = errors.join('\n') || (error as Error).message;
    throw failure('InvalidInput', `the lifecycles cannot be bundled: ${detail}`, { cause: error });
  });
  return code.replaceAll(project.folder, '.');
}

const onlyFunction = `// Generated by Perennial.
function onlyFunction(name, module) {
  const found = Object.values(module).filter((value) => typeof value === 'function');
  if (found.length !== 1) throw new Error('lifecycles/' + name + '.ts must export one lifecycle, but exports ' + found.length);
  return found[0];
}`;

const silent = (): void => undefined;
const quiet = {
  log: silent,
  trace: silent,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
};

function invalid(project: string, issues: readonly Issue[]): Error {
  const count = issues.length === 1 ? '1 error' : `${issues.length} errors`;
  return failure('InvalidInput', `project ${project} has ${count}`, {
    issues,
    next: 'correct the errors, then perennial deploy',
  });
}

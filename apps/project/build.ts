/** Builds a project: checks it, compiles it and describes its lifecycles. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { z } from 'zod';
import type { Digest } from '../../domain/artifact';
import { parseDuration } from '../../domain/duration';
import { invalidInput } from '../../domain/document/issue-text';
import { failure, type Issue } from '../../domain/failure';
import { apiVersion } from '../../domain/document/api-version';
import type { ProjectConfig, ProjectLifecycleConfig } from '../../domain/project/config';
import type {
  ProgramSpec,
  ProjectBuild,
  ProjectStageSpec,
} from '../../domain/lifecycle/sections/program';
import { isStageDefinition, stageDefaults, type StageDefinition } from '../../domain/project/stage';
import { packageName } from '../../domain/version';
import { computeDigest, sha256 } from '../../data/digest';
import { determinismIssues } from './determinism';
import { compileInstalledSources } from './installed-sources';
import { withGuardedLoops } from './loop-guard';
import { lifecycleExports, type LifecycleExport } from './lifecycle-exports';
import { kindIssues, findKind } from './lifecycle-kinds';
import { compile, evaluateFile } from './load-module';
import { describeSteps, type PythonMachine } from './python-steps';
import { configName, openProjectFolder, sdkEntry, type ProjectFolder } from './project-folder';
import { withoutPaths } from './source-map';
import { stageDigests } from './stage-digests';
import { stageIssues, unknownNameIssues } from './stage-issues';

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
  readonly documents: (
    stored: Pick<ProgramSpec, 'files' | 'environment'>,
  ) => Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** @throws InvalidInput with the file, line and alternative of each error. */
export async function buildProject(folder: string, machine: PythonMachine): Promise<BuiltProject> {
  const project = openProjectFolder(resolve(folder));
  const config = await readConfig(project);
  const paths = Object.values(project.lifecycles);
  const { exported, issues: exportIssues } = lifecycleExports(project.folder, project.lifecycles);
  const stagesCode = project.stages === null ? '' : await compile(project.folder, project.stages);
  const exports = stageExports(project, stagesCode);
  // Also of stages with errors, which would otherwise be reported a second time.
  const names = Object.values(exports).flatMap((each) => {
    const name = (each as Partial<StageDefinition> | null | undefined)?.name;
    return typeof name === 'string' ? [name] : [];
  });
  const issues = [
    ...lifecycleIssues(project, config),
    ...exportIssues,
    ...kindIssues(config, exported),
    ...determinismIssues(project, paths),
    ...(project.stages === null
      ? []
      : stageIssues({ folder: project.folder, path: project.stages, exports })),
    ...unknownNameIssues(project.folder, paths, { what: 'stage', known: names }),
  ];
  refuse(config, issues);

  const stages = await describeStages(project, exports);
  const python = await describeSteps(project, { machine, config, stages });
  const known = Object.keys(python.steps);
  refuse(config, unknownNameIssues(project.folder, paths, { what: 'step', known }));
  const workflows = await bundleLifecycles(project, exported);
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
  const digest = computeDigest(build);
  const { files, lock, steps } = python;
  const documents: BuiltProject['documents'] = ({ files: stored, environment }) => {
    const shared = { project: config.name, build: digest };
    const program = { ...shared, stages, steps, files: stored, environment };
    return Object.fromEntries(
      Object.entries(config.lifecycles).map(([name, lifecycle]) => [
        name,
        buildDocument(config.owner, { name, lifecycle, program }),
      ]),
    );
  };
  return { build, digest, workflows, stages: stagesCode, files, lock, documents };
}

function refuse({ name }: ProjectConfig, issues: readonly Issue[]): void {
  if (issues.length > 0)
    throw invalidInput(`project ${name}`, issues, 'correct the errors, then perennial deploy');
}

async function readConfig({ folder, config }: ProjectFolder): Promise<ProjectConfig> {
  const code = await compile(folder, config);
  const { default: exported } = evaluateFile(code, { folder, file: configName });
  const project = (exported ?? {}) as Readonly<Record<string, unknown>>;
  const wrong =
    exported === undefined
      ? 'no default export'
      : (['name', 'owner', 'lifecycles'] as const)
          .filter((key) => typeof project[key] !== (key === 'lifecycles' ? 'object' : 'string'))
          .map((key) => `no ${key} in its default export`)[0];
  if (wrong !== undefined)
    throw failure('InvalidInput', `${configName}:1 has ${wrong}`, {
      next: 'export default defineProject({ name, owner, lifecycles })',
    });
  return { steps: {}, ...(exported as ProjectConfig) };
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

function stageExports(
  { folder, stages }: ProjectFolder,
  code: string,
): Readonly<Record<string, unknown>> {
  return stages === null ? {} : evaluateFile(code, { folder, file: relative(folder, stages) });
}

async function describeStages(
  { folder, stages }: ProjectFolder,
  exports: Readonly<Record<string, unknown>>,
): Promise<ProgramSpec['stages']> {
  if (stages === null) return {};
  const exported = Object.entries(exports).filter((entry): entry is [string, StageDefinition] =>
    isStageDefinition(entry[1]),
  );
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
      timeoutSeconds: readTimeout(stage),
      attempts: stage.retry?.attempts ?? stageDefaults.attempts,
      hasUndo: stage.undo !== undefined,
    },
  ]);
  return Object.fromEntries(described);
}

function readTimeout({ name, timeout = stageDefaults.timeout }: StageDefinition): number {
  const duration = parseDuration(timeout);
  if (duration === null || duration.months > 0 || duration.seconds === 0)
    throw failure('InvalidInput', `stage ${name}: timeout cannot be ${JSON.stringify(timeout)}`, {
      next: 'use a duration such as 90s, 30m or 6h',
    });
  return duration.seconds;
}

function buildDocument(
  owner: string,
  {
    name,
    lifecycle: { params, events, labels, spec },
    program: shared,
  }: {
    readonly name: string;
    readonly lifecycle: ProjectLifecycleConfig;
    readonly program: Omit<ProgramSpec, 'params' | 'events'>;
  },
): Readonly<Record<string, unknown>> {
  const program: ProgramSpec = {
    ...shared,
    params: params ? toJsonSchema(`lifecycles.${name}.params`, params) : null,
    ...(events && {
      events: Object.fromEntries(
        Object.entries(events).map(([event, schema]) => [
          event,
          toJsonSchema(`lifecycles.${name}.events.${event}`, schema),
        ]),
      ),
    }),
  };
  return {
    apiVersion,
    kind: findKind(spec),
    metadata: { name, owner, ...(labels && { labels }) },
    spec: { ...spec, program },
  };
}

/** @throws InvalidInput for a type that JSON does not have, such as `z.date()`. */
function toJsonSchema(what: string, schema: z.ZodType): Readonly<Record<string, unknown>> {
  try {
    return z.toJSONSchema(schema, { io: 'input' });
  } catch (error) {
    throw failure(
      'InvalidInput',
      `${configName}: ${what} has no JSON Schema: ${(error as Error).message}`,
      { cause: error, next: 'use types that JSON has, such as z.string() or z.iso.datetime()' },
    );
  }
}

const root = resolve(__dirname, '..', '..');

/** The child workflow of `run.map`. No lifecycle has its name, which has a capital letter. */
const stageMapPath = join(root, 'workflows', 'project', 'stage-map.ts');

/** Not an entry point: the build adds its import to the lifecycles. */
const loopTurns = 'perennial/loop-turns';

/** Each workflow type has the name of its lifecycle, which may not be a name in TypeScript. */
async function bundleLifecycles(
  project: ProjectFolder,
  exported: Readonly<Record<string, LifecycleExport>>,
): Promise<string> {
  const entry = join(project.generated, 'workflows.js');
  mkdirSync(project.generated, { recursive: true });
  const exports = Object.entries(project.lifecycles).map(([name, path]) => {
    const [file, own] = [JSON.stringify(path), JSON.stringify(exported[name]?.name)];
    return `exports[${JSON.stringify(name)}] = require(${file})[${own}];`;
  });
  exports.push(`exports.stageMap = require(${JSON.stringify(stageMapPath)}).stageMap;`);
  writeFileSync(entry, `// Generated by Perennial.\n${exports.join('\n')}\n`);
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const errors: string[] = [];
  const bundled = bundleWorkflowCode({
    workflowsPath: entry,
    workflowInterceptorModules: [join(root, 'workflows', 'interceptors.ts')],
    logger: { ...quiet, error: (message) => errors.push(message) },
    webpackConfigHook: (config) => ({
      ...withGuardedLoops(compileInstalledSources(config), {
        folder: project.folder,
        generated: project.generated,
        counter: loopTurns,
        loader: join(root, 'apps', 'project', 'loop-guard-loader.cjs'),
      }),
      // Modules are named from here.
      context: project.folder,
      // Relative names, so that equal code gives equal bytes in every folder.
      output: { ...config.output, devtoolModuleFilenameTemplate: '[resource-path]' },
      resolve: {
        ...config.resolve,
        // A project that is not installed yet finds the SDK beside Perennial.
        modules: [...(config.resolve?.modules ?? []), join(root, 'node_modules')],
        alias: {
          ...(config.resolve?.alias as Readonly<Record<string, string | false | string[]>>),
          [`${packageName}/workflow$`]: sdkEntry('workflow', project.folder),
          [`${loopTurns}$`]: join(root, 'workflows', 'project', 'loop-turns.ts'),
        },
      },
    }),
  });
  const { code } = await bundled.catch((error: unknown) => {
    const detail = bundlerError(errors.join('\n') || (error as Error).message);
    throw failure('InvalidInput', `the lifecycles cannot be bundled: ${detail}`, { cause: error });
  });
  return withoutPaths(code, { folder: project.folder, root });
}

/** The first error of the bundler's report, with the file of the project that leads to it. */
function bundlerError(report: string): string {
  const error = /^ERROR in [^]*?(?=\n +at |\n @ |\n\n|$(?![^]))/m.exec(report)?.[0];
  if (error === undefined) return report;
  const file = /^ @ \.\/(?!\.perennial)(\S+)/m.exec(report)?.[1];
  return file === undefined ? error : `${file}: ${error}`;
}

const silent = (): void => undefined;
const quiet = {
  log: silent,
  trace: silent,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
};

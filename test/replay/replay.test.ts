import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DefaultLogger, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { buildProject } from '../../apps/project/build';
import { workflowBundle } from '../../workers/temporal/bundle';
import * as workflows from '../../workflows';
import { noPython, removeProject, writeFiles } from '../support/project/folder';
import { approvalsProject } from '../support/project/approvals-project';
import { childrenProject } from '../support/project/children-project';
import { decisionsProject } from '../support/project/decisions-project';
import { eventsProject } from '../support/project/events-project';
import { jobsProject } from '../support/project/jobs-project';
import { languageProject } from '../support/project/language-project';
import { mapProject } from '../support/project/map-project';
import { stepMapLifecycles } from '../support/project/step-map-project';
import { stagesProject } from '../support/project/stages-project';

const histories = join(__dirname, 'histories');
const all = readdirSync(histories, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.json'),
);
const ofProjects = all.filter((file) => dirname(file) === 'project');
const recorded = all.filter((file) => !ofProjects.includes(file));

beforeAll(() => void Runtime.install({ logger: new DefaultLogger('ERROR') }));

type WorkflowBundle = NonNullable<WorkerOptions['workflowBundle']>;

interface RecordedHistory {
  readonly workflowId: string;
  readonly history: unknown;
}

/**
 * Current workflow code must follow the path that these runs took; CONTRIBUTING.md says how a
 * workflow is changed.
 */
describe('recorded histories', () => {
  test('include every workflow type, so that no workflow changes unnoticed', () => {
    expect([...new Set(recorded.map(typeIn))].sort()).toEqual(Object.keys(workflows).sort());
  });

  let errors: Errors;
  beforeAll(async () => {
    errors = await replay(recorded, await workflowBundle());
  }, 300_000);

  test.each(recorded)('%s replays', (file) => {
    expect(errors.get(file)).toBeNull();
  });
});

describe('recorded histories of projects', () => {
  const projects = {
    approvals: approvalsProject,
    children: childrenProject,
    decisions: decisionsProject,
    events: eventsProject,
    jobs: jobsProject,
    language: languageProject('language'),
    maps: mapProject('maps'),
    stages: stagesProject('stages'),
    'step-maps': stepMapLifecycles('step-maps'),
  };
  const bundles: Partial<Record<string, WorkflowBundle>> = {};

  beforeAll(async () => {
    for (const [name, files] of Object.entries(projects)) {
      const folder = writeFiles(files);
      const { workflows: code } = await buildProject(folder, noPython);
      bundles[name] = { code };
      removeProject(folder);
    }
  }, 120_000);

  test('include a run with each call that waits or works, and the workflow of a map', () => {
    expect(ofProjects.map((file) => `${typeIn(file)}: ${basename(file, '.json')}`).sort()).toEqual([
      'all: project-children-ended',
      'clock: project-stages-slept',
      'judging: project-decisions-decided',
      'labels: project-events-received',
      'mailing: project-approvals-approved',
      'numbers: project-maps-undone',
      'one: project-stages-cancelled',
      'sequence: project-stages-undone',
      'sorting: project-jobs-sorted',
      'squares: project-step-maps-succeeded',
      'stageMap: project-maps-items-failed',
      'stageMap: project-maps-items-paused',
      'stageMap: project-maps-items-undone',
      'stageMap: project-step-maps-items',
      'wiki-assistant: project-language-promoted',
    ]);
  });

  test.each(Object.keys(projects))('those of the project %s replay', async (name) => {
    const bundle = bundles[name];
    if (!bundle) throw new Error(`there is no project ${name}`);
    const files = ofProjects.filter((file) => basename(file).startsWith(`project-${name}-`));
    expect([...(await replay(files, bundle))]).toEqual(files.map((file) => [file, null]));
  });

  test('belong to these projects', () => {
    const names = Object.keys(projects).join('|');
    for (const file of ofProjects)
      expect(basename(file)).toMatch(new RegExp(`^project-(${names})-`));
  });
});

/** By file: why it does not replay, or null. */
type Errors = ReadonlyMap<string, Error | null>;

/** One worker replays all, because it takes longer to start one than to replay most histories. */
async function replay(files: readonly string[], bundle: WorkflowBundle): Promise<Errors> {
  const recordings = files.map(
    (file) => JSON.parse(readFileSync(join(histories, file), 'utf8')) as RecordedHistory,
  );
  const errors = new Map<string, Error | null>();
  const replays = Worker.runReplayHistories({ workflowBundle: bundle }, recordings);
  for await (const { error } of replays)
    errors.set(files[errors.size] ?? 'one too many', error ?? null);
  return errors;
}

function typeIn(file: string): string {
  return firstEventOf(file).workflowExecutionStartedEventAttributes.workflowType.name;
}

function firstEventOf(file: string) {
  const { history } = JSON.parse(readFileSync(join(histories, file), 'utf8')) as {
    readonly history: {
      readonly events: readonly {
        readonly workflowExecutionStartedEventAttributes: {
          readonly workflowType: { readonly name: string };
        };
      }[];
    };
  };
  const [first] = history.events;
  if (!first) throw new Error(`${file} is empty`);
  return first;
}

describe('the workflow bundle', () => {
  test('contains no dependency of Perennial except the Temporal SDK', async () => {
    const { codePath } = await workflowBundle();
    const code = readFileSync(codePath, 'utf8');
    const bundled = new Set(
      [...code.matchAll(/node_modules\/((?:@[\w.-]+\/)?[\w.-]+)\//g)].map(([, name = '']) => name),
    );
    expect(bundled).toContain('@temporalio/workflow');
    expect(libraries.filter((name) => bundled.has(name))).toEqual([]);
    expect(code).toContain('modelLifecycle');
  });
});

const allowed = ['@temporalio/workflow', '@temporalio/common'];
const { dependencies } = JSON.parse(
  readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8'),
) as { readonly dependencies: Readonly<Record<string, string>> };
const libraries = Object.keys(dependencies).filter((name) => !allowed.includes(name));

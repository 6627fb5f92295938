/** Replays the recorded histories of projects, each with the current build of its project. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DefaultLogger, Runtime, type WorkerOptions } from '@temporalio/worker';
import { buildProject } from '../../apps/project/build';
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
import { historiesFolder, replay, typeIn } from '../support/replay-histories';

const ofProjects = readdirSync(join(historiesFolder, 'project')).map((file) =>
  join('project', file),
);

beforeAll(() => void Runtime.install({ logger: new DefaultLogger('ERROR') }));

type WorkflowBundle = NonNullable<WorkerOptions['workflowBundle']>;

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

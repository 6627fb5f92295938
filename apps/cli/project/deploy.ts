/** Builds a project, stores the build and applies its lifecycles. */
import { join } from 'node:path';
import { environmentsFolder } from '../../../data/training/python-environments';
import type * as Build from '../../project/build';
import type { PythonMachine } from '../../project/python-steps';
import { looseningText } from '../../../domain/lifecycle/loosenings';
import { toBuildId } from '../../../domain/lifecycle/sections/program';
import type { ApiClient } from '../../client/api-client';
import { CliError } from '../cli-error';
import type { CliSettings } from '../context';
import { readTexts } from '../lifecycle/folder';
import type { Terminal } from '../terminal';

export interface DeployTarget {
  readonly api: ApiClient;
  readonly settings: CliSettings;
  /** Null prints nothing. */
  readonly terminal: Pick<Terminal, 'say' | 'paint'> | null;
}

export type ProjectDeployment = Awaited<ReturnType<typeof deployProject>>;

export async function deployProject({ api, settings, terminal }: DeployTarget, folder: string) {
  const built = await buildFor(folder, settings);
  const { project } = built.build;
  const stored = await api.call('POST /projects/{project}/builds', {
    path: { project },
    body: {
      lifecycles: [...built.build.lifecycles],
      workflows: built.workflows,
      stages: built.stages,
      files: Object.fromEntries(
        Object.entries(built.files).map(([path, bytes]) => [path, bytes.toString('base64')]),
      ),
      lock: built.lock,
    },
  });
  terminal?.say(`${project}: build ${toBuildId(built.digest)} of ${folder} is stored`);
  const files = readTexts(settings.cwd, folder);
  const lifecycles = [];
  for (const [name, document] of Object.entries(built.documents(stored as StoredFiles))) {
    const answer = await api.call('PUT /lifecycles/{name}', {
      path: { name },
      body: { document, fileName: 'perennial.config.ts', files, folder },
    });
    lifecycles.push(answer);
    if (terminal === null) continue;
    const revision = `${name}: revision ${answer.revision}`;
    for (const line of answer.warnings) terminal.say(terminal.paint.yellow(`warning: ${line}`));
    if (answer.state !== 'pending') {
      terminal.say(`${revision} ${answer.changed ? 'applied' : 'is unchanged'}`);
      continue;
    }
    terminal.say(`${revision} loosens the policy:`);
    for (const each of answer.loosenings) terminal.say(`  ${looseningText(each)}`);
  }
  return { project, build: built.digest, lifecycles };
}

/** @throws CliError when a revision waits for an approver. */
export function assertInForce({ lifecycles }: ProjectDeployment): void {
  const pending = lifecycles.find(({ state }) => state === 'pending');
  if (pending)
    throw new CliError(
      `${pending.lifecycle}: revision ${pending.revision} waits for an approver other than its author`,
      3,
      `perennial lifecycle approve ${pending.lifecycle} --revision ${pending.revision} --reason "<why>"`,
    );
}

function findPythonMachine({ python, uv, trainersDir, stateDir }: CliSettings): PythonMachine {
  return {
    python,
    uv: uv?.program,
    variables: uv?.variables,
    runtimeDir: join(trainersDir, 'runtime'),
    folder: environmentsFolder(join(stateDir, 'state')),
  };
}

/** Digests are plain text in the API's description. */
type StoredFiles = Parameters<Build.BuiltProject['documents']>[0];

/** The bundlers take a second to load, so only the commands that need them do. */
export async function buildFor(folder: string, settings: CliSettings) {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { buildProject } = require('../../project/build') as typeof Build;
  return buildProject(folder, findPythonMachine(settings));
}

/** `perennial deploy --check`: builds a project, and replays its open runs with the build. */
import { buildIdOf } from '../../../domain/project/program';
import type { ApiClient } from '../../client/api-client';
import type * as Replay from '../../project/replay';
import type { DeployTarget } from './deploy';
import { buildFor } from './deploy';

export interface DeploymentCheck {
  readonly project: string;
  readonly build: string;
  readonly runs: readonly CheckedRun[];
}

interface CheckedRun {
  readonly run: string;
  readonly lifecycle: string;
  /** Where the build leaves the path of the run; null if the run could continue on it. */
  readonly difference: string | null;
}

/** Stores nothing, and changes no run. */
export async function checkDeployment(
  { api, settings, terminal }: DeployTarget,
  folder: string,
): Promise<DeploymentCheck> {
  const { build, digest, workflows } = await buildFor(folder, settings);
  const { project, lifecycles } = build;
  terminal?.say(`${project}: ${folder} builds as ${buildIdOf(digest)}; nothing was stored`);
  const open = await begunRuns(api, lifecycles);
  const runs: CheckedRun[] = [];
  const { replayRuns } = loadReplay();
  for (const [index, { id, lifecycle }] of open.entries()) {
    const history = await api.call('GET /runs/{id}/history', { path: { id } });
    const [replayed] = await replayRuns(workflows, [history]);
    const checked = { run: id, lifecycle, difference: replayed?.difference ?? null };
    runs.push(checked);
    terminal?.say(`${index + 1}/${open.length}  ${line(checked)}`);
  }
  terminal?.say(summary(runs));
  return { project, build: digest, runs };
}

/** Runs with a history. One that has not begun takes any path. */
const begun = ['running', 'waiting', 'paused'] as const;

async function begunRuns(api: ApiClient, lifecycles: readonly string[]) {
  const found = [];
  for (const lifecycle of lifecycles)
    for (const status of begun)
      found.push(...(await api.list('GET /runs', { query: { lifecycle, status } }, Infinity)));
  return found;
}

function line({ run, lifecycle, difference }: CheckedRun): string {
  return difference === null
    ? `${lifecycle} ${run} could continue on this build`
    : `${lifecycle} ${run} could not: ${difference}`;
}

function summary(runs: readonly CheckedRun[]): string {
  if (runs.length === 0) return 'no run of this project is open';
  const able = runs.filter(({ difference }) => difference === null).length;
  return (
    `${able} of ${runs.length} open runs could continue on this build; ` +
    'after a deploy each one still ends on its own'
  );
}

/** The worker of Temporal takes a second to load, so only this command does. */
function loadReplay(): typeof Replay {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const replay = require('../../project/replay') as typeof Replay;
  replay.quietReplays();
  return replay;
}

/** `perennial deploy --check`: builds a project, and replays its open runs with the build. */
import { toBuildId } from '../../../domain/lifecycle/sections/program';
import type { ApiClient } from '../../client/api-client';
import { ApiError } from '../../client/api-error';
import type * as Replay from '../../project/replay';
import type { RunReplay } from '../../project/replay';
import type { DeployTarget } from './deploy';
import { buildFor } from './deploy';

export interface DeploymentCheck {
  readonly project: string;
  readonly build: string;
  readonly runs: readonly CheckedRun[];
}

type CheckedRun = RunReplay & { readonly run: string; readonly lifecycle: string };

/** Stores nothing, and changes no run. */
export async function checkDeployment(
  { api, settings, terminal }: DeployTarget,
  folder: string,
): Promise<DeploymentCheck> {
  const { build, digest, workflows } = await buildFor(folder, settings);
  const { project, lifecycles } = build;
  terminal?.say(`${project}: ${folder} builds as ${toBuildId(digest)}; nothing was stored`);
  const open = await begunRuns(api, lifecycles);
  const runs: CheckedRun[] = [];
  const { replayRun } = loadReplay();
  for (const [index, { id, lifecycle }] of open.entries()) {
    const history = await fetchHistory(api, id);
    const replay = 'kind' in history ? history : await replayRun(workflows, history);
    const checked = { run: id, lifecycle, ...replay };
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

/** One history that the API cannot send does not end the check. A missing right does. */
async function fetchHistory(api: ApiClient, id: string) {
  try {
    return await api.call('GET /runs/{id}/history', { path: { id } });
  } catch (error) {
    const isOfRun =
      error instanceof ApiError && error.status !== undefined && ![401, 403].includes(error.status);
    if (!isOfRun) throw error;
    return { kind: 'notChecked', cause: error.message } as const;
  }
}

function line(checked: CheckedRun): string {
  const run = `${checked.lifecycle} ${checked.run}`;
  switch (checked.kind) {
    case 'continues':
      return `${run} could continue on this build`;
    case 'cannotContinue':
      return `${run} could not: ${checked.cause}`;
    case 'notChecked':
      return `${run} could not be checked: ${checked.cause}`;
  }
}

function summary(runs: readonly CheckedRun[]): string {
  if (runs.length === 0) return 'no run of this project is open';
  const count = (kind: CheckedRun['kind']) => runs.filter((each) => each.kind === kind).length;
  const unknown = count('notChecked') === 0 ? '' : `; ${count('notChecked')} could not be checked`;
  return (
    `${count('continues')} of ${runs.length} open runs could continue on this build${unknown}. ` +
    'A deploy moves none of them: each finishes on the build with which it started'
  );
}

/** The worker of Temporal takes a second to load, so only this command does. */
function loadReplay(): typeof Replay {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const replay = require('../../project/replay') as typeof Replay;
  replay.quietReplays();
  return replay;
}

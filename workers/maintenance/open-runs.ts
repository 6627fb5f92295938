/**
 * Checks at start whether the workflow code can continue the open runs that older code started
 * (DESIGN §5).
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client, type Connection } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { failure } from '../../domain/failure';
import { projectQueues } from '../../domain/lifecycle/sections/program';
import type { WorkflowCode } from '../temporal/bundle';
import type { WorkerVersion } from '../temporal/settings';
import type { Logger } from '../log';

export interface OpenRunsOptions {
  readonly connection: Connection;
  readonly address: string;
  readonly namespace: string;
  readonly code: WorkflowCode;
  /** The version as which the code will run; null without versions. */
  readonly version?: WorkerVersion | null;
  readonly stateDir: string;
  /** Start anyway: incompatible runs then wait and show why, and the others continue. */
  readonly allowIncompatible: boolean;
  readonly log: Logger;
}

interface Incompatible {
  readonly workflowId: string;
  readonly reason: string;
}

/**
 * Replays every open history with the code, unless this machine ran the same code last. After a
 * crash, the next start checks again. Runs that other code starts meanwhile are not seen, but `up`
 * lets only one platform use a state folder.
 * @throws Conflict with the runs that the code cannot continue.
 */
export async function checkOpenRuns(options: OpenRunsOptions): Promise<void> {
  const { address, namespace, code, stateDir, log } = options;
  const file = join(stateDir, 'state', 'workflow-code.json');
  const place = `${address}/${namespace}`;
  const last = readLast(file);
  if (last[place] === code.digest) return;
  const { replayed, incompatible } = await replayOpen(options);
  log.info({ replayed, incompatible: incompatible.length }, 'checked the open runs');
  if (incompatible.length > 0 && !options.allowIncompatible) throw refusal(incompatible);
  for (const { workflowId, reason } of incompatible)
    log.warn({ workflowId, reason }, 'run cannot continue: incompatible with the workflow code');
  writeLast(file, { ...last, [place]: code.digest });
}

async function replayOpen({ connection, namespace, code, version }: OpenRunsOptions): Promise<{
  readonly replayed: number;
  readonly incompatible: readonly Incompatible[];
}> {
  const open = new Client({ connection, namespace }).workflow
    // The runs of a project are pinned to the project's build, which has their code.
    .list({
      query:
        `ExecutionStatus = 'Running' AND TaskQueue NOT STARTS_WITH '${projectQueues}'` +
        (version == null ? '' : notPinned),
    })
    .intoHistories({ concurrency: 4 });
  const incompatible: Incompatible[] = [];
  let replayed = 0;
  const options = { workflowBundle: { codePath: code.codePath }, replayName: 'open-runs' };
  for await (const { workflowId, error } of Worker.runReplayHistories(options, keepBegun(open))) {
    replayed += 1;
    if (error) incompatible.push({ workflowId, reason: error.message.split('\n')[0] ?? '' });
  }
  return { replayed, incompatible };
}

/** A pinned run ends on the workers of its own version. */
const notPinned =
  " AND (TemporalWorkflowVersioningBehavior IS NULL OR TemporalWorkflowVersioningBehavior != 'Pinned')";

type Histories = ReturnType<ReturnType<Client['workflow']['list']>['intoHistories']>;

/** Only histories with a completed workflow task: without one, no code has decided anything. */
async function* keepBegun(histories: Histories): Histories {
  for await (const each of histories) {
    const { events } = each.history as {
      readonly events?: readonly {
        readonly workflowTaskCompletedEventAttributes?: object | null;
      }[];
    };
    if (events?.some((event) => event.workflowTaskCompletedEventAttributes)) yield each;
  }
}

const named = 10;

function refusal(incompatible: readonly Incompatible[]) {
  const count = incompatible.length;
  const lines = incompatible
    .slice(0, named)
    .map(({ workflowId, reason }) => `\n  ${readRunId(workflowId)}: ${reason}`);
  const more = count > named ? `\n  and ${count - named} more` : '';
  const runs = count === 1 ? 'an open run' : `${count} open runs`;
  return failure(
    'Conflict',
    `this version's workflow code cannot continue ${runs}:${lines.join('')}${more}`,
    {
      next:
        'start the version that they began with and let them end there, or cancel them with ' +
        '`perennial run cancel`; or start with `perennial up --allow-incompatible-runs` ' +
        '(PERENNIAL_ALLOW_INCOMPATIBLE_RUNS=true), which leaves only these runs waiting',
    },
  );
}

/** Takes the run id from `run/<tenant>/<lifecycle>/<run>`; ids of scheduled runs stay unchanged. */
function readRunId(workflowId: string): string {
  const [, , lifecycle, run] = /^run\/([^/]+)\/([^/]+)\/(run_[^/]+)$/.exec(workflowId) ?? [];
  return run === undefined ? workflowId : `${run} of ${lifecycle}`;
}

function readLast(file: string): Readonly<Record<string, string>> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  } catch {
    // Missing or unreadable: the open runs are checked.
    return {};
  }
}

function writeLast(file: string, codes: Readonly<Record<string, string>>): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, `${JSON.stringify(codes)}\n`, { mode: 0o600 });
  renameSync(unfinished, file);
}

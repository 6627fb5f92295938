/**
 * Workflow code meets the runs that older code began: whether it can go on with them is asked
 * before it gets to run them (DESIGN §5).
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client, type Connection } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { failure } from '../../domain/failure';
import type { WorkflowCode } from '../temporal/bundle';
import type { Logger } from '../log';

export interface OpenRunsOptions {
  readonly connection: Connection;
  readonly address: string;
  readonly namespace: string;
  readonly code: WorkflowCode;
  readonly stateDir: string;
  /** They then stand still and say so; what else is open goes on. */
  readonly allowIncompatible: boolean;
  readonly log: Logger;
}

interface Incompatible {
  readonly workflowId: string;
  readonly reason: string;
}

/**
 * Replays every open history with the code, unless this machine ran the same code last. Dies before
 * the code is remembered: the next start asks again. Twice at once: both ask. What other code began
 * meanwhile is not seen; `up` lets only one platform use a state folder.
 * @throws Conflict with the runs that the code cannot continue.
 */
export async function meetOpenRuns(options: OpenRunsOptions): Promise<void> {
  const { address, namespace, code, stateDir, log } = options;
  const file = join(stateDir, 'state', 'workflow-code.json');
  const place = `${address}/${namespace}`;
  const last = readLast(file);
  if (last[place] === code.digest) return;
  const { replayed, incompatible } = await replayOpen(options);
  log.info({ replayed, incompatible: incompatible.length }, 'open runs met this workflow code');
  if (incompatible.length > 0 && !options.allowIncompatible) throw refusal(incompatible);
  for (const { workflowId, reason } of incompatible)
    log.warn({ workflowId, reason }, 'this run stands still: the workflow code cannot continue it');
  writeLast(file, { ...last, [place]: code.digest });
}

async function replayOpen({ connection, namespace, code }: OpenRunsOptions): Promise<{
  readonly replayed: number;
  readonly incompatible: readonly Incompatible[];
}> {
  const open = new Client({ connection, namespace }).workflow
    .list({ query: `ExecutionStatus = 'Running'` })
    .intoHistories({ concurrency: 4 });
  const incompatible: Incompatible[] = [];
  let replayed = 0;
  const options = { workflowBundle: { codePath: code.codePath }, replayName: 'open-runs' };
  for await (const { workflowId, error } of Worker.runReplayHistories(options, begun(open))) {
    replayed += 1;
    if (error) incompatible.push({ workflowId, reason: error.message.split('\n')[0] ?? '' });
  }
  return { replayed, incompatible };
}

type Histories = ReturnType<ReturnType<Client['workflow']['list']>['intoHistories']>;

/** Where no workflow task was ever completed, no code has decided anything yet. */
async function* begun(histories: Histories): Histories {
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
    .map(({ workflowId, reason }) => `\n  ${runOf(workflowId)}: ${reason}`);
  const more = count > named ? `\n  and ${count - named} more` : '';
  const runs = count === 1 ? 'a run that is open' : `${count} runs that are open`;
  return failure(
    'Conflict',
    `this version's workflow code cannot go on with ${runs}:${lines.join('')}${more}`,
    {
      next:
        'start the version that they began with and let them end there, or `perennial run cancel` them there; ' +
        'or `perennial up --allow-incompatible-runs` (PERENNIAL_ALLOW_INCOMPATIBLE_RUNS=true): these then stand still, and the others go on',
    },
  );
}

/** `run/<tenant>/<lifecycle>/<run>`; a schedule's own ids stay as they are. */
function runOf(workflowId: string): string {
  const [, , lifecycle, run] = /^run\/([^/]+)\/([^/]+)\/(run_[^/]+)$/.exec(workflowId) ?? [];
  return run === undefined ? workflowId : `${run} of ${lifecycle}`;
}

function readLast(file: string): Readonly<Record<string, string>> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  } catch {
    // Unknown or unreadable: then it is asked.
    return {};
  }
}

function writeLast(file: string, codes: Readonly<Record<string, string>>): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, `${JSON.stringify(codes)}\n`, { mode: 0o600 });
  renameSync(unfinished, file);
}

/** The only place that starts, updates and queries lifecycle workflows. */
import { buildFairShare } from '../../domain/run/fair-share';
import {
  toBuildId,
  projectDeployment,
  projectQueue,
} from '../../domain/lifecycle/sections/program';
import type { Connection, WorkflowClient, WorkflowExecutionDescription } from '@temporalio/client';
import {
  Client,
  isGrpcDeadlineError,
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import {
  ApplicationFailure,
  defineSearchAttributeKey,
  SearchAttributeType,
  TypedSearchAttributes,
} from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import type { FailureType } from '../../domain/failure';
import { failure, failureTypes } from '../../domain/failure';
import type { RecordName } from '../../domain/run/record-name';
import type { LifecycleInput, RunState } from '../../workflows/run/messages';
import type { CommandKeys } from '../../data/access/command-signature';
import { signCommand } from '../../data/access/command-signature';
import { describeHoldUp, needsEvents } from './hold-up';
import type { CommandActor, RolloutCommandInput } from './rollout-commands';
import { unsignedCommand, steerRollout } from './rollout-commands';
import {
  approveUpdate,
  batchPredictionWorkflow,
  builtInWorkflow,
  pauseUpdate,
  recordsChangedSignal,
  rejectUpdate,
  resumeUpdate,
  statusQuery,
  taskQueues,
} from '../../workflows/run/messages';

/** `unknown`: Temporal does not know the execution, or no longer. */
export type ExecutionStatus =
  | 'unknown'
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'terminated'
  | 'timedOut'
  | 'continuedAsNew';

/**
 * Every method throws PlatformUnavailable if Temporal, or for commands a worker, does not respond
 * within seconds.
 */
export interface LifecycleClient {
  /** Harmless if the run was started before. */
  start(workflowId: string, input: LifecycleInput): Promise<void>;
  cancel(workflowId: string): Promise<void>;
  /**
   * Lets the run read the changed record again, or all records that it waits for. A run that
   * Temporal does not know needs no signal: it reads them when it waits.
   */
  notify(workflowId: string, changed?: RecordName): Promise<void>;
  pause(workflowId: string, by: CommandActor): Promise<RunState>;
  resume(workflowId: string, by: CommandActor): Promise<RunState>;
  approve(workflowId: string, by: CommandVoter): Promise<RunState>;
  reject(workflowId: string, by: CommandVoter): Promise<RunState>;
  state(workflowId: string): Promise<RunState>;
  /**
   * Executed once per id, however often it is sent. `gone`: Temporal does not know the rollout, or
   * no longer.
   */
  steer(workflowId: string, command: RolloutCommandInput): Promise<'applied' | 'gone'>;
  execution(workflowId: string): Promise<ExecutionStatus>;
  executionState(workflowId: string): Promise<ExecutionState>;
  /** The history of the newest execution, as JSON in the form of Temporal's own tools. */
  history(workflowId: string): Promise<Readonly<Record<string, unknown>>>;
  /** The number of workers that polled each task queue in the last minutes. */
  workers(): Promise<Readonly<Record<QueueName, number>>>;
  /** The page of a run in the Temporal Web UI, if known. */
  url(workflowId: string): string | null;
}

export interface CommandVoter extends CommandActor {
  /** The stage whose ballot the person has seen. Without it, the vote counts for the open one. */
  readonly stage?: string | undefined;
}

export interface ExecutionState {
  readonly execution: ExecutionStatus;
  /**
   * What keeps a running execution from continuing, prefixed by its stage; null if nothing does.
   */
  readonly heldUp: string | null;
}

export type QueueName = keyof typeof taskQueues;

export interface LifecycleClientOptions {
  readonly connection: Connection;
  readonly namespace: string;
  readonly uiUrl: string | null;
}

export interface SigningClientOptions extends LifecycleClientOptions {
  readonly commandKeys: CommandKeys;
  /** The address of the pages, for links in the Temporal Web UI; none without it. */
  readonly pagesUrl?: string | null;
}

const attributes = {
  tenant: defineSearchAttributeKey('PerennialTenant', SearchAttributeType.KEYWORD),
  lifecycle: defineSearchAttributeKey('PerennialLifecycle', SearchAttributeType.KEYWORD),
  model: defineSearchAttributeKey('PerennialModel', SearchAttributeType.KEYWORD),
  stage: defineSearchAttributeKey('PerennialStage', SearchAttributeType.KEYWORD),
};

/** Long enough for a busy server, and short enough for a waiting caller. */
const patienceMilliseconds = 5_000;
const queues = Object.keys(taskQueues) as readonly QueueName[];

export function createLifecycleClient({
  connection,
  namespace,
  uiUrl,
  commandKeys,
  pagesUrl = null,
}: SigningClientOptions): LifecycleClient {
  const { workflow } = new Client({ connection, namespace });
  const ask = <T>(question: () => Promise<T>): Promise<T> =>
    withTemporalTimeout(connection, question);
  const order = (
    workflowId: string,
    verb: keyof typeof runUpdates,
    by: CommandVoter,
  ): Promise<RunState> =>
    ask(async () => {
      const { id, ...rest } = by;
      const command = signCommand(
        commandKeys,
        unsignedCommand({ workflowId, verb: `run.${verb}`, id, ...rest }),
      );
      return workflow
        .getHandle(workflowId)
        .executeUpdate(runUpdates[verb], { updateId: `command/${id}`, args: [command] });
    });
  return {
    start: (workflowId, input) => ask(() => start(workflow, workflowId, input, pagesUrl)),
    cancel: (workflowId) =>
      ask(async () => {
        await workflow.getHandle(workflowId).cancel();
      }),
    notify: (workflowId, changed) => ask(() => notify(workflow, workflowId, changed)),
    pause: (workflowId, by) => order(workflowId, 'pause', by),
    resume: (workflowId, by) => order(workflowId, 'resume', by),
    approve: (workflowId, by) => order(workflowId, 'approve', by),
    reject: (workflowId, by) => order(workflowId, 'reject', by),
    steer: (workflowId, command) =>
      ask(() => steerRollout({ workflow, commandKeys }, workflowId, command)),
    state: (workflowId) => ask(() => workflow.getHandle(workflowId).query(statusQuery)),
    execution: (workflowId) => ask(async () => (await describe(workflow, workflowId)).execution),
    executionState: (workflowId) =>
      ask(() => executionState({ connection, namespace, workflow }, workflowId)),
    history: (workflowId) =>
      ask(async () => {
        const found = await workflow.getHandle(workflowId).fetchHistory();
        return JSON.parse(historyToJSON(found)) as Readonly<Record<string, unknown>>;
      }),
    workers: () => ask(() => pollers(connection, namespace)),
    url: (workflowId) =>
      uiUrl === null
        ? null
        : `${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}`,
  };
}

const runUpdates = {
  pause: pauseUpdate,
  resume: resumeUpdate,
  approve: approveUpdate,
  reject: rejectUpdate,
} as const;

async function start(
  workflow: WorkflowClient,
  workflowId: string,
  input: LifecycleInput,
  pagesUrl: string | null,
): Promise<void> {
  try {
    const { workflowType, ...route } = chooseRoute(input);
    await workflow.start(workflowType, {
      workflowId,
      ...route,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      staticSummary: `${input.lifecycle} by ${input.actor}`,
      staticDetails: formatDetails(workflowId, input, pagesUrl),
      typedSearchAttributes: new TypedSearchAttributes(runAttributes(input)),
      priority: buildFairShare({ ...input, priority: input.request.priority }),
    });
  } catch (error) {
    // The run has already ended. A late sweeper found an outbox entry whose start had succeeded.
    if (error instanceof WorkflowExecutionAlreadyStartedError) return;
    if (input.program && isGrpcServiceError(error) && (error.code as number) === failedPrecondition)
      throw failure(
        'PlatformUnavailable',
        `no worker runs build ${toBuildId(input.program.build)} of project ` +
          `${input.program.project} yet; the run starts when one does`,
        { cause: error, next: 'perennial doctor' },
      );
    throw error;
  }
}

/** Markdown for the Temporal Web UI, which shows it beside what the workflow says of itself. */
function formatDetails(
  workflowId: string,
  { lifecycle, request: { reason } }: LifecycleInput,
  pagesUrl: string | null,
): string {
  const runId = workflowId.slice(workflowId.lastIndexOf('/') + 1);
  const link = (text: string, path: string): string =>
    pagesUrl === null ? `**${text}**` : `[${text}](${pagesUrl}/${path})`;
  const name = encodeURIComponent(lifecycle);
  return [
    `- Run: ${link(runId, `runs/${runId}`)}`,
    `- Model: ${link(lifecycle, `models/${name}`)}`,
    ...(reason === undefined ? [] : [`- Reason: ${escapeMarkdown(reason)}`]),
  ].join('\n');
}

/** Text of people has no links and no layout there. */
function escapeMarkdown(text: string): string {
  return text.replace(/[^\p{L}\p{N} ,.;:?-]/gu, (sign) => `&#${sign.codePointAt(0)};`);
}

async function notify(
  workflow: WorkflowClient,
  workflowId: string,
  changed: RecordName | undefined,
): Promise<void> {
  try {
    await workflow.getHandle(workflowId).signal(recordsChangedSignal, changed);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** Runs of a project are executed by the workers of the build that their revision names. */
function chooseRoute({ tenant, lifecycle, kind, program, request }: LifecycleInput) {
  if (request.batch)
    return { workflowType: batchPredictionWorkflow, taskQueue: taskQueues.orchestrator };
  if (program === undefined)
    return { workflowType: builtInWorkflow(kind), taskQueue: taskQueues.orchestrator };
  const place = { tenant, project: program.project };
  return {
    workflowType: lifecycle,
    taskQueue: projectQueue(place),
    versioningOverride: {
      pinnedTo: { deploymentName: projectDeployment(place), buildId: toBuildId(program.build) },
    },
  };
}

/** gRPC's FAILED_PRECONDITION: Temporal knows no worker of the pinned build. */
const failedPrecondition = 9;

interface Described {
  readonly execution: ExecutionStatus;
  /** Null if Temporal does not know the execution. */
  readonly description: WorkflowExecutionDescription | null;
}

async function describe(workflow: WorkflowClient, workflowId: string): Promise<Described> {
  try {
    const description = await workflow.getHandle(workflowId).describe();
    return { execution: executionStatuses[description.status.name] ?? 'unknown', description };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { execution: 'unknown', description: null };
    throw error;
  }
}

interface Temporal {
  readonly connection: Connection;
  readonly namespace: string;
  readonly workflow: WorkflowClient;
}

async function executionState(temporal: Temporal, workflowId: string): Promise<ExecutionState> {
  const { execution, description } = await describe(temporal.workflow, workflowId);
  if (execution !== 'running' || !description) return { execution, heldUp: null };
  const what = await findHoldUp(temporal, description);
  const stage = description.typedSearchAttributes.get(attributes.stage);
  return { execution, heldUp: what !== null && stage !== undefined ? `${stage}: ${what}` : what };
}

/** What holds up the workflow, or else a child workflow such as a study or a rollout. */
async function findHoldUp(
  temporal: Temporal,
  { raw, workflowId, runId }: WorkflowExecutionDescription,
): Promise<string | null> {
  const { connection, namespace, workflow } = temporal;
  const request = { namespace, execution: { workflowId, runId }, maximumPageSize: newestEvents };
  const newest = needsEvents(raw)
    ? await connection.workflowService.getWorkflowExecutionHistoryReverse(request)
    : null;
  const own = describeHoldUp(raw, newest?.history?.events ?? [], Date.now());
  if (own !== null) return own;
  for (const child of raw.pendingChildren ?? []) {
    const { description } = await describe(workflow, child.workflowId ?? '');
    const what = description && (await findHoldUp(temporal, description));
    if (what) return `${child.workflowTypeName ?? 'a workflow'}: ${what}`;
  }
  return null;
}

/** Enough to reach back past the tasks and timers of the last attempts. */
const newestEvents = 12;

const executionStatuses: Readonly<Record<string, ExecutionStatus>> = {
  RUNNING: 'running',
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timedOut',
  CONTINUED_AS_NEW: 'continuedAsNew',
  PAUSED: 'running',
};

/** The search attributes of a run before its first task. */
export function runAttributes({ tenant, lifecycle }: Pick<LifecycleInput, 'tenant' | 'lifecycle'>) {
  return [
    { key: attributes.tenant, value: tenant },
    { key: attributes.lifecycle, value: lifecycle },
    { key: attributes.model, value: lifecycle },
  ];
}

async function pollers(
  { workflowService }: Connection,
  namespace: string,
): Promise<Readonly<Record<QueueName, number>>> {
  const counts = { orchestrator: 0, data: 0, compute: 0, llm: 0 };
  // In sequence, so that a failing call leaves no other one retrying.
  for (const queue of queues) {
    const { pollers: seen } = await workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: taskQueues[queue] },
      // Workflow tasks are polled on one queue alone, activity tasks on the others. The enum itself
      // is not exported by the client.
      // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
      taskQueueType: queue === 'orchestrator' ? 1 : 2,
    });
    counts[queue] = new Set(seen.map(({ identity }) => identity)).size;
  }
  return counts;
}

/**
 * Restores the type of a workflow's refusal, and reports missing responses as PlatformUnavailable.
 */
export async function withTemporalTimeout<T>(
  connection: Connection,
  question: () => Promise<T>,
): Promise<T> {
  try {
    return await connection.withDeadline(Date.now() + patienceMilliseconds, question);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError)
      throw failure('Conflict', 'this run has ended and accepts no more commands', {
        cause: error,
      });
    const refusal = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
    if (refusal instanceof ApplicationFailure) {
      const [{ next } = {}] = (refusal.details ?? []) as [{ readonly next?: string }?];
      throw failure(knownType(refusal.type), refusal.message, {
        cause: error,
        ...(next === undefined ? {} : { next }),
      });
    }
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)
      throw failure(
        'PlatformUnavailable',
        'no worker has handled the command yet; it may still take effect',
        {
          cause: error,
          next: 'perennial doctor',
        },
      );
    if (isAway(error))
      throw failure('PlatformUnavailable', 'Temporal does not respond', {
        cause: error,
        next: 'perennial doctor',
      });
    throw error;
  }
}

/**
 * For a workflow that may never have started: a query, because `withTemporalTimeout`
 * reports a missing workflow as ended.
 */
export function nullIfNotFound(error: unknown): null {
  if (error instanceof WorkflowNotFoundError) return null;
  throw error;
}

const unavailable = 14;

/** gRPC's UNAVAILABLE and DEADLINE_EXCEEDED, perhaps within the SDK's own error. */
function isAway(error: unknown): boolean {
  if (isGrpcDeadlineError(error)) return true;
  if (isGrpcServiceError(error)) {
    const code: number = error.code;
    return code === unavailable;
  }
  return error instanceof Error && error.cause !== undefined && isAway(error.cause);
}

function knownType(type: string | null | undefined): FailureType {
  return type && type in failureTypes ? (type as FailureType) : 'Conflict';
}

import type {
  ExecutionStatus,
  LifecycleClient,
} from '../../../../apps/temporal-clients/lifecycle-client';
import { failure } from '../../../../domain/failure';
import type { RunId } from '../../../../domain/ids';
import type { LifecycleInput, RunState } from '../../../../workflows/run/messages';

/** A fake of Temporal for the API and the sweeper, with a switch that makes it unavailable. */
export interface FakeLifecycles extends LifecycleClient {
  away: boolean;
  /** The stage whose approval the run waits for. */
  ballot: string | null;
  /** How long a start takes. */
  startMilliseconds: number;
  readonly started: Map<string, LifecycleInput>;
  readonly told: {
    readonly command: string;
    readonly workflowId: string;
    readonly what?: unknown;
  }[];
  readonly executions: Map<string, ExecutionStatus>;
}

const state: RunState = {
  runId: 'run_1' as RunId,
  status: 'running',
  stage: 'train',
  stages: [],
  waitingFor: null,
  approvals: [],
};

export function fakeLifecycles(): FakeLifecycles {
  const reach = async (): Promise<void> => {
    await Promise.resolve();
    if (fake.away)
      throw failure('PlatformUnavailable', 'Temporal does not respond', {
        next: 'perennial doctor',
      });
  };
  const tell =
    (command: string) =>
    async (workflowId: string, what?: unknown): Promise<RunState> => {
      await reach();
      fake.told.push({ command, workflowId, what });
      return state;
    };
  const fake: FakeLifecycles = {
    away: false,
    ballot: 'promote',
    startMilliseconds: 0,
    started: new Map(),
    told: [],
    executions: new Map(),
    async start(workflowId, input) {
      await new Promise((resolve) => setTimeout(resolve, fake.startMilliseconds));
      await reach();
      fake.started.set(workflowId, input);
      fake.executions.set(workflowId, 'running');
    },
    cancel: async (workflowId) => {
      await tell('cancel')(workflowId);
    },
    notify: async (workflowId, changed) => {
      await tell('notify')(workflowId, changed);
    },
    pause: tell('pause'),
    resume: tell('resume'),
    approve: tell('approve'),
    reject: tell('reject'),
    steer: async (workflowId, { verb, ...what }) => {
      await tell(verb)(workflowId, what);
      return fake.executions.get(workflowId) === 'running' ? 'applied' : 'gone';
    },
    state: async () => {
      await reach();
      return { ...state, ballot: fake.ballot };
    },
    execution: async (workflowId) => {
      await reach();
      return fake.executions.get(workflowId) ?? 'unknown';
    },
    history: () => Promise.resolve({ events: [] }),
    executionState: async (workflowId) => {
      await reach();
      return { execution: fake.executions.get(workflowId) ?? 'unknown', heldUp: null };
    },
    workers: async () => {
      await reach();
      return { orchestrator: 1, data: 1, compute: 1, llm: 1 };
    },
    url: (workflowId) => `http://temporal.test/${encodeURIComponent(workflowId)}`,
  };
  return fake;
}

/** The functions of every lifecycle of a project, beside the built-in stages of its kind. */
import type { z } from 'zod';
import { sleep } from '@temporalio/workflow';
import type { Verdict } from '../../domain/verdict';
import { formatSeconds } from '../../domain/duration';
import type { ArtifactRef } from '../../domain/artifact';
import type { StageMapOptions, StageMapResult } from '../../domain/project/map';
import type { CommandOptions, CommandResult } from '../../domain/project/command';
import type { AnyDecisionPolicy, DecisionPolicy } from '../../domain/project/decision-policy';
import type { ChildRun } from '../../domain/project/child-run';
import type { EventData, ReceivedEvent } from '../../domain/project/sent-event';
import type { ProgramSpec } from '../../domain/lifecycle/sections/program';
import type { StageDefinition } from '../../domain/project/stage';
import type { Run } from '../lifecycle/stage';
import { waitWhilePaused, whileWaiting } from '../run/control';
import type { RunEnd } from '../run/end';
import { callMap, callStepMap } from './map-calls';
import { callApprove, type Approval, type ApprovalOptions } from './approval-calls';
import { callChild } from './child-calls';
import { callDecide, type DecisionEvidence, type DecisionResult } from './decision-calls';
import { callJob } from './job-calls';
import { callWaitFor } from './event-calls';
import { callStage, callStep, refuseEndless, parseSeconds, type StageCalls } from './stage-calls';

type StageUnion<Stages> = Extract<Stages[keyof Stages], StageDefinition>;
/** The names of the stages that a module exports. */
export type StageNames<Stages> = StageUnion<Stages>['name'];
type StageNamed<Stages, Name> = Extract<StageUnion<Stages>, { readonly name: Name }>;
export type StageInput<Stages, Name> = z.input<StageNamed<Stages, Name>['input']>;
export type StageOutput<Stages, Name> = z.output<StageNamed<Stages, Name>['output']>;

export interface ProjectFunctions<
  Stages,
  Events extends object = object,
  Policy extends AnyDecisionPolicy = DecisionPolicy,
> {
  /**
   * Runs a stage of the project, or reuses the output of an earlier call with equal code and
   * input. A second call of a stage in one run is recorded as `<name>-2`.
   */
  stage<Name extends StageNames<Stages>>(
    name: Name,
    input: StageInput<Stages, Name>,
  ): Promise<StageOutput<Stages, Name>>;
  /**
   * Runs a Python step of the project as a job on its compute backend. Its output is checked
   * against the annotations of the function. `Output` is the type that they describe.
   */
  step<Output = unknown>(name: string, input: Readonly<Record<string, unknown>>): Promise<Output>;
  /**
   * Waits for an event that `perennial.config.ts` declares, even if the platform restarts. An event
   * that was sent earlier is received at once. Each wait receives one event, in the order in which
   * they were sent. Returns null if none arrives within `timeout`, a duration such as `7d`.
   */
  waitFor<Name extends keyof Events & string>(
    event: Name,
    options: { readonly timeout: string },
  ): Promise<ReceivedEvent<EventData<Events, Name>> | null>;
  /**
   * Waits until people approve it with `perennial run approve`, which shows them `reason`. If one
   * rejects it or the time is over, the run ends as stopped. A lifecycle may catch
   * StoppedByVerdict. The person who started the run may not approve it, unless
   * `allowStarter` of the configuration is true.
   */
  approve(options: ApprovalOptions): Promise<Approval>;
  /**
   * Starts a run of another lifecycle and waits for its end. It is cancelled with this run. A child
   * that failed or was cancelled fails this run, unless the lifecycle catches the failure. A
   * lifecycle may not be its own ancestor.
   */
  child(lifecycle: string, params?: Readonly<Record<string, unknown>>): Promise<ChildRun>;
  /**
   * Runs a command as a job of the compute backend, with its limits, log and confinement. Files go
   * in and out by reference. An equal command with equal inputs reuses the outputs.
   */
  job(name: string, options: CommandOptions): Promise<CommandResult>;
  /**
   * Applies gates to the measurements of an evaluation, and records the decision. The verdict
   * decides only what the code does next. `run.release` applies the gates of the configuration.
   */
  decide(policy: Policy, evidence: DecisionEvidence): Promise<DecisionResult>;
  /** Returns the time of the run. A replay returns the same time. */
  now(): Date;
  /** Returns a random number from 0 to below 1. A replay returns the same number. */
  random(): number;
  /** Waits for a duration such as `90s`, `6h` or `30d`, even if the platform restarts. */
  sleep(duration: string): Promise<void>;
  /**
   * Runs a stage of the project for each item, at most `parallel` at once. All items are one stage
   * in the records, and equal code and items reuse its output. An item that has finished is not
   * executed again, whatever process dies. `items` may also be an artifact with a JSON array or
   * JSON lines that a stage wrote.
   */
  map<Name extends StageNames<Stages>>(
    name: Name,
    items: readonly StageInput<Stages, Name>[] | ArtifactRef,
    options?: StageMapOptions,
  ): Promise<StageMapResult<StageOutput<Stages, Name>>>;
  /**
   * The same for a Python step. Each item is an object with the arguments of the function by name,
   * and runs as a job. `Output` is the type that the annotations of the function describe.
   */
  mapStep<Output = unknown>(
    name: string,
    items: readonly Readonly<Record<string, unknown>>[] | ArtifactRef,
    options?: StageMapOptions,
  ): Promise<StageMapResult<Output>>;
  /** Registers an undo. It runs when the run fails or is cancelled, newest first. */
  undo(what: string, work: () => Promise<void>): void;
  /** Ends the run as succeeded without a release. */
  done(reason?: string): RunEnd;
}

export function projectFunctions<
  Stages,
  Events extends object,
  Policy extends AnyDecisionPolicy = DecisionPolicy,
>(run: Run, program: ProgramSpec): ProjectFunctions<Stages, Events, Policy> {
  const calls: StageCalls = new Map();
  return {
    async stage(name, input) {
      const { output } = await callStage(run, program, { calls, name, input });
      return output as StageOutput<Stages, typeof name>;
    },
    step: async <Output>(name: string, input: Readonly<Record<string, unknown>>) =>
      (await callStep(run, program, { calls, name, input })) as Output,
    // Temporal replaces the clock and the random numbers of the sandbox by recorded ones.
    now: () => new Date(),
    random: () => Math.random(),
    async sleep(text) {
      refuseEndless();
      await sleepFor(run, parseSeconds('run.sleep: the duration', text, 0));
    },
    async waitFor(event, { timeout }) {
      const { output } = await callWaitFor(run, program, { calls, event, timeout });
      return output as ReceivedEvent<EventData<Events, typeof event>> | null;
    },
    child: (name, params = {}) => callChild(run, program, { calls, lifecycle: name, params }),
    job: async (name, options) => (await callJob(run, program, { calls, name, options })).output,
    decide: (policy, evidence) => callDecide(run, { calls, policy, evidence }),
    approve: (options) => callApprove(run, calls, options),
    async map(name, items, options = {}) {
      const { output } = await callMap(run, program, { calls, name, items, options });
      return output as StageMapResult<StageOutput<Stages, typeof name>>;
    },
    async mapStep<Output>(
      name: string,
      items: readonly Readonly<Record<string, unknown>>[] | ArtifactRef,
      options: StageMapOptions = {},
    ) {
      const { output } = await callStepMap(run, program, { calls, name, items, options });
      return output as StageMapResult<Output>;
    },
    undo(what, work) {
      run.undo.push({ what, run: work });
    },
    done: (reason) => ({ status: 'succeeded', verdict: doneVerdict(reason), version: null }),
  };
}

async function sleepFor({ control }: Run, seconds: number): Promise<void> {
  const until = new Date(Date.now() + seconds * 1000).toISOString();
  await whileWaiting(control, async (wait) => {
    await wait.show(`sleeps until ${until}`);
    await sleep(seconds * 1000, { summary: `sleeps ${formatSeconds(seconds)}` });
    await wait.end();
  });
  await waitWhilePaused(control);
}

function doneVerdict(message = 'the lifecycle ended without a release'): Verdict {
  return { kind: 'passed', reasons: [{ gate: 'lifecycle', code: 'lifecycle.done', message }] };
}

/** Calls a stage that the project defines, with the records, cache and undo of every stage. */
import {
  ActivityCancellationType,
  type ApplicationFailure,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { ProjectActivities } from '../../activities/project';
import type { StepJobSpec } from '../../activities/project/step';
import { nearestHint } from '../../domain/document/nearest';
import { parseDuration } from '../../domain/duration';
import { count } from '../../domain/format';
import type { ProgramSpec, ProjectStageSpec } from '../../domain/lifecycle/sections/program';
import { nextCallName } from '../../domain/project/call-name';
import { exceededLimit } from '../../domain/project/run-limits';
import { stageValueBytes } from '../../domain/project/stage';
import { isBuiltInStage } from '../../domain/lifecycle/stages';
import { computeWork } from '../activity-proxies';
import type { EndedStage, Run } from '../lifecycle/stage';
import { buildEffect, runStage } from '../lifecycle/stage';
import { addCall, addTurns, codeSize } from '../run/code-size';
import { invalidCall } from '../run/invalid-call';

/** Calls of each stage in one run, so that a second call of a stage has a name of its own. */
export type StageCalls = Map<string, number>;

export async function callStage(
  run: Run,
  program: ProgramSpec,
  {
    calls,
    name,
    input,
  }: { readonly calls: StageCalls; readonly name: string; readonly input: unknown },
): Promise<EndedStage<unknown>> {
  const spec = declaredStage(program, name);
  const call = nextCall(calls, name);
  assertSmall(`the input of stage ${name}`, input);
  const { plan } = run;
  const work = stageWork(spec);
  const effect = buildEffect(plan, call);
  const given = { lifecycle: plan.lifecycle, stage: name, call, input };
  const main = effect('run');
  if (spec.hasUndo)
    run.undo.push({
      what: `stage ${call}`,
      run: async () => {
        await work.undoProjectStage({ ...effect('undo'), ...given, of: main.key });
      },
    });
  return runStage(
    run,
    { name: call, code: spec.code, inputs: () => input, cached: spec.cache },
    async () => ({
      output: await work.runProjectStage.executeWithOptions({ summary: name }, [
        { ...main, ...given },
      ]),
    }),
  );
}

/** Runs a Python step as a job, with the records and cache of every stage. */
export async function callStep(
  run: Run,
  program: ProgramSpec,
  {
    calls,
    name,
    input,
  }: { readonly calls: StageCalls; readonly name: string; readonly input: unknown },
): Promise<unknown> {
  const { step, files, compute } = declaredStep(program, name);
  const call = nextCall(calls, name);
  assertSmall(`the input of step ${name}`, input);
  const ended = await runStage(
    run,
    { name: call, code: step.codeDigest, inputs: () => input, cached: true },
    async (effect) => ({
      output: await computeWork(compute).runProjectStep.executeWithOptions({ summary: name }, [
        { ...effect('job'), step, files, input, compute },
      ]),
    }),
  );
  return ended.output.output;
}

export function unknownCall(
  { project }: ProgramSpec,
  {
    what,
    name,
    known,
  }: {
    readonly what: keyof typeof declarations;
    readonly name: string;
    readonly known: readonly string[];
  },
): ApplicationFailure {
  return refusal(
    `project ${project} has no ${what} ${name}${nearestHint(name, known)}`,
    `${declarations[what]}, then perennial deploy`,
  );
}

const declarations = {
  stage: 'export the stage from stages/',
  step: 'mark a function in steps/ with @step',
  event: 'list the event in perennial.config.ts',
} as const;

/**
 * @throws InvalidInput when a lifecycle passes a text that is not a duration from `least`, by default
 *   1 s, to a year.
 */
export function parseSeconds(what: string, text: string, least: 0 | 1 = 1): number {
  const duration = parseDuration(text);
  if (
    duration === null ||
    duration.months > 0 ||
    duration.seconds < least ||
    duration.seconds > yearSeconds
  )
    throw refusal(
      `${what} cannot be ${JSON.stringify(text)}`,
      `use a duration from ${least}s to 365d, such as 90s, 6h or 30d`,
    );
  return duration.seconds;
}

const yearSeconds = 365 * 86_400;

export function declaredStage(program: ProgramSpec, name: string): ProjectStageSpec {
  const { stages } = program;
  const spec = Object.hasOwn(stages, name) ? stages[name] : undefined;
  if (!spec) throw unknownCall(program, { what: 'stage', name, known: Object.keys(stages) });
  return spec;
}

/** A Python step with everything that its jobs need beside their input. */
export function declaredStep(program: ProgramSpec, name: string): StepJobSpec {
  const { steps, files, environment } = program;
  const spec = Object.hasOwn(steps, name) ? steps[name] : undefined;
  if (!spec) throw unknownCall(program, { what: 'step', name, known: Object.keys(steps) });
  const { file, function: func, code, compute } = spec;
  return {
    step: {
      name,
      file,
      function: func,
      codeDigest: code,
      environment: environment && { lock: environment },
    },
    files,
    compute,
  };
}

/** The name of the call's stage, see `nextCallName`. */
export function nextCall(calls: StageCalls, name: string): string {
  refuseEndless();
  addCall();
  if (isBuiltInStage(name))
    throw refusal(`${name} is the name of a built-in stage`, 'give the stage or job another name');
  return nextCallName(calls, name);
}

/** `what` is the value in a message, such as `the input of stage mail`. */
export function assertSmall(what: string, value: unknown): void {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined || text.length <= stageValueBytes) return;
  throw refusal(
    `${what} has ${count(text.length)} characters of JSON; ` +
      `at most ${count(stageValueBytes)} are allowed`,
    'pass references to artifacts or dataset versions instead of the data',
  );
}

/** @throws InvalidInput when the lifecycle seems to loop for ever. */
export function refuseEndless(): void {
  const { historyLength: historyEvents, workflowType } = workflowInfo();
  const { calls, isUndoing } = codeSize();
  const exceeded = exceededLimit({ calls: calls + 1, historyEvents, isUndoing });
  if (exceeded !== null)
    throw refusal(
      `${isUndoing ? 'the undos of ' : ''}lifecycles/${workflowType}.ts made ${exceeded}`,
      'end the loop of the lifecycle, or use run.map for many items',
    );
}

/** A loop may catch it and call again, so that it counts as many turns. */
export function refusal(message: string, next: string): ApplicationFailure {
  addTurns(turnsOfRefusal);
  return invalidCall(message, next);
}

/** A refusal takes as long as many turns of a loop, and the sandbox stops after 5 s. */
const turnsOfRefusal = 10_000;

/** Activities on the queue of the project, so that the build of the workflow runs its stages. */
export function stageWork({ timeoutSeconds, attempts }: ProjectStageSpec) {
  return proxyActivities<ProjectActivities>({
    startToCloseTimeout: timeoutSeconds * 1000,
    heartbeatTimeout: '10s',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: '500ms',
      backoffCoefficient: 2,
      maximumInterval: '1m',
      maximumAttempts: attempts,
    },
  });
}

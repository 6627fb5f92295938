/**
 * `@perennial-dev/perennial/workflow`: lifecycles that a project writes in TypeScript. This module runs in
 * Temporal's sandbox, so it imports no library but the SDK's workflow package.
 */
import { workflowInfo } from '@temporalio/workflow';
import { toBuildId, type ProgramSpec } from '../../domain/lifecycle/sections/program';
import { findProgram } from '../../domain/lifecycle/revision';
import type { DataLifecycleSpec } from '../../domain/lifecycle/lifecycle';
import type { LifecycleWorkflow } from '../lifecycle/lifecycle';
import { defineWorkflow } from '../lifecycle/lifecycle';
import { llmRun, type LlmLifecycleRun } from '../lifecycle/llm-run';
import { modelRun, type ModelLifecycleRun } from '../lifecycle/model-run';
import type { LanguageDecisionPolicy } from '../../domain/project/decision-policy';
import type { LlmRun, ModelRun, Run } from '../lifecycle/stage';
import { holdOpenAfterBody } from '../run/body';
import type { RunEnd } from '../run/end';
import { StoppedByVerdict } from '../run/verdict';
import { dataRun } from './data-run';
import { projectFunctions, type ProjectFunctions } from './functions';
import { refusal } from './stage-calls';

export { hasNotPassed, isRegistered } from '../lifecycle/model-run';
export type {
  ItemFailure,
  ItemFailurePolicy,
  StageMapOptions,
  StageMapResult,
} from '../../domain/project/map';
export type { CommandOptions, CommandResult } from '../../domain/project/command';
export type { DecisionPolicy, LanguageDecisionPolicy } from '../../domain/project/decision-policy';
export type { DecisionEvidence, DecisionResult } from './decision-calls';
export type { ChildRun } from '../../domain/project/child-run';
export type { ReceivedEvent } from '../../domain/project/sent-event';
export { StoppedByVerdict } from '../run/verdict';
export type { Approval, ApprovalOptions } from './approval-calls';
export type { RunEnd } from '../run/end';
export type { ProjectFunctions, StageInput, StageNames, StageOutput } from './functions';
export type {
  Candidate,
  Evaluation,
  ModelLifecycleRun,
  RegisteredCandidate,
  StageResult,
} from '../lifecycle/model-run';
export type {
  BundleCandidate,
  IndexResult,
  LanguageEvaluation,
  LlmLifecycleRun,
  PromptBundles,
} from '../lifecycle/llm-run';

/** A run of a model, or of other work on data. */
export type ProjectRun<Stages, Events extends object = object> = ModelLifecycleRun &
  ProjectFunctions<Stages, Events>;

/** A run of a language application. */
export type LanguageProjectRun<Stages, Events extends object = object> = LlmLifecycleRun &
  ProjectFunctions<Stages, Events, LanguageDecisionPolicy>;

/**
 * A lifecycle of a model, or of other work on data, as a Temporal workflow. The body is replayed,
 * so that it may only branch on its parameters and on the results of the run.
 */
export function lifecycle<
  Stages,
  // Callers name it, because nothing else says what a run is given.
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
  Params = Readonly<Record<string, never>>,
  Events extends object = object,
>(body: (run: ProjectRun<Stages, Events>, params: Params) => Promise<RunEnd>): LifecycleWorkflow {
  return projectWorkflow<Params>(async (run, { program, params }) => {
    const functions = projectFunctions<Stages, Events>(run, program);
    return body(withStages(run, functions, modelOrDataRun(run)), params);
  });
}

/** The same for a language application, whose run has other built-in stages. */
export function languageLifecycle<
  Stages,
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
  Params = Readonly<Record<string, never>>,
  Events extends object = object,
>(
  body: (run: LanguageProjectRun<Stages, Events>, params: Params) => Promise<RunEnd>,
): LifecycleWorkflow {
  return projectWorkflow<Params>(async (run, { program, params }) => {
    const functions = projectFunctions<Stages, Events, LanguageDecisionPolicy>(run, program);
    return body(withStages(run, functions, await languageRun(run)), params);
  });
}

interface ProjectCall<Params> {
  readonly program: ProgramSpec;
  readonly params: Params;
}

function projectWorkflow<Params>(
  body: (run: Run, call: ProjectCall<Params>) => Promise<RunEnd>,
): LifecycleWorkflow {
  return defineWorkflow(async (run) => {
    const { lifecycle: name, request } = run.plan;
    const params = (request.params ?? {}) as Params;
    const end: unknown = await body(run, { program: programFor(run), params }).catch(stoppedEnd);
    if (!isRunEnd(end))
      throw refusal(
        `lifecycles/${name}.ts returned ${end === undefined ? 'nothing' : 'an unknown value'}`,
        'return run.release(…), run.stopped(…), run.unchanged(…) or run.done()',
      );
    return end;
  });
}

/** @throws InvalidInput when the run is executed by another build than its revision names */
function programFor({ plan }: Run): ProgramSpec {
  const program = findProgram(plan.spec);
  if (!program)
    throw refusal(
      `the revision of ${plan.lifecycle} names no project`,
      'perennial deploy in the folder of the project',
    );
  const { currentDeploymentVersion: here } = workflowInfo();
  if (here && here.buildId !== toBuildId(program.build))
    throw refusal(
      `this run started on build ${here.buildId} of ${program.project}, but its revision needs ` +
        `build ${toBuildId(program.build)}, which was deployed in the same moment`,
      `perennial run start ${plan.lifecycle}`,
    );
  return program;
}

function modelOrDataRun(run: Run): ModelLifecycleRun {
  const { spec, lifecycle: name } = run.plan;
  switch (spec.kind) {
    case 'ModelLifecycle':
      return modelRun(run as ModelRun);
    case 'DataLifecycle':
      return dataRun(run as Run<DataLifecycleSpec>);
    case 'LlmLifecycle':
      throw refusal(
        `lifecycles/${name}.ts exports lifecycle(…), but ${name} is a language application`,
        'export languageLifecycle(…) there, then perennial deploy',
      );
  }
}

async function languageRun(run: Run): Promise<LlmLifecycleRun> {
  const { spec, lifecycle: name } = run.plan;
  if (spec.kind !== 'LlmLifecycle')
    throw refusal(
      `lifecycles/${name}.ts exports languageLifecycle(…), but ${name} is a ${spec.kind}`,
      'export lifecycle(…) there, then perennial deploy',
    );
  return llmRun(run as LlmRun);
}

/** Not spread, because a getter of a lifecycle without a model throws. */
function withStages<Functions extends object, BuiltIn extends object>(
  { control }: Run,
  functions: Functions,
  builtIn: BuiltIn,
): Functions & BuiltIn {
  Object.defineProperties(functions, Object.getOwnPropertyDescriptors(builtIn));
  return holdOpenAfterBody(control, functions as Functions & BuiltIn);
}

/** The end of a run that a verdict stopped. */
function stoppedEnd(error: unknown): RunEnd {
  if (!(error instanceof StoppedByVerdict)) throw error;
  return { status: 'stopped', verdict: error.verdict, version: null };
}

function isRunEnd(value: unknown): value is RunEnd {
  return typeof value === 'object' && value !== null && 'status' in value && 'verdict' in value;
}

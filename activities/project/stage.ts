/** Runs the stages that a project defines in TypeScript. */
import { isNativeError } from 'node:util/types';
import { Context } from '@temporalio/activity';
import { openScratch } from '../../data/scratch';
import { failure, isPerennialError } from '../../domain/failure';
import { count } from '../../domain/format';
import type { StageContext, StageDefinition } from '../../domain/project/stage';
import { stageValueBytes, type StageSchema } from '../../domain/project/stage';
import type { RunEffectRef } from '../../domain/run/run';
import { withHeartbeat } from '../run/heartbeat';
import { withIdempotencyKey } from '../run/idempotent-effect';
import { withCallFrames } from './call-frames';
import {
  openStageContext,
  type ProjectStageDeps,
  type ProjectStageInput,
  type StageCallRef,
} from './stage-context';

export interface ProjectUndoInput extends ProjectStageInput {
  /** The effect whose output is undone. */
  readonly of: RunEffectRef['key'];
}

export type StageRunner = ReturnType<typeof createStageRunner>;

/** Runs and undoes stages under the journal of effects. */
export function createStageRunner(deps: ProjectStageDeps) {
  const ownErrors = ownErrorsAt(deps.findPlace);
  const findStage = (name: string): StageDefinition => {
    const found = deps.stages.find((stage) => stage.name === name);
    if (!found)
      throw failure('NotFound', `this build of the project has no stage ${name}`, {
        next: 'perennial deploy',
      });
    return found;
  };
  return {
    /** A context for one attempt, whose folder is removed at the end. */
    attempt: <T>(input: StageCallRef, work: (context: StageContext) => Promise<T>): Promise<T> =>
      withHeartbeat((beat) =>
        withIdempotencyKey(deps.registry.effects, input, async (assertOwned, claim) => {
          const scratch = await openScratch(deps.scratchRoot, `stage-${input.runId}`);
          try {
            const attempt = { input, scratch, claim, ...beat };
            const context = withCallFrames(openStageContext(deps, attempt));
            const result = await work(context);
            await assertOwned();
            return result;
          } finally {
            await scratch.dispose();
          }
        }),
      ),

    async run(context: StageContext, { stage: name, input }: ProjectStageInput): Promise<unknown> {
      const stage = findStage(name);
      const given = parseBySchema(stage, 'input', stage.input, input);
      const next =
        'correct the stage, then perennial deploy and ' +
        `perennial run rerun ${context.run.id} --revision latest`;
      return checkedOutput(
        stage,
        await ownErrors(stage, next, () =>
          deps.runCode<unknown>(stage, () => stage.run(context, given)),
        ),
      );
    },

    /** `output` is null when the stage did not finish. */
    async undo(
      context: StageContext,
      { stage: name, input, output }: ProjectStageInput & { readonly output: unknown },
    ): Promise<void> {
      const stage = findStage(name);
      const given = stage.input.safeParse(input);
      // The stage did not run with an input that does not match its schema.
      if (!given.success) return;
      const next = 'undo the effects of the stage by hand, and correct its undo';
      await ownErrors(stage, next, () =>
        deps.runCode(stage, () => stage.undo?.(context, { input: given.data, output })),
      );
    },
  };
}

export function createProjectStageActivities(deps: ProjectStageDeps, runner: StageRunner) {
  return {
    /**
     * Runs a stage of the project. A retry after a success returns the stored output.
     * @throws InvalidInput when the input or the output does not match its schema.
     */
    runProjectStage: (input: ProjectStageInput): Promise<unknown> =>
      runner.attempt(input, (context) => runner.run(context, input)),

    /**
     * Undoes a stage, whose output is not reused any more. Does nothing when it has not begun in
     * this run, which may have reused the output of another run.
     */
    undoProjectStage: async (input: ProjectUndoInput): Promise<null> => {
      const { tenant, runId, call, of } = input;
      const [begun] = await deps.registry.effects.list({ tenant, keys: [of] });
      if (!begun) return null;
      await deps.registry.stages.markUndone({ tenant, runId, stage: call });
      return runner.attempt(input, async (context) => {
        await runner.undo(context, { ...input, output: begun.isDone ? begun.result : null });
        return null;
      });
    },
  };
}

function parseBySchema(
  { name }: StageDefinition,
  what: 'input' | 'output',
  schema: StageSchema,
  value: unknown,
): unknown {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const place = issue && issue.path.length > 0 ? `${what}.${issue.path.join('.')}` : what;
  const more = read.error.issues.length > 1 ? ` (and ${read.error.issues.length - 1} more)` : '';
  throw failure(
    'InvalidInput',
    `stage ${name}: ${place} does not match its schema: ${issue?.message ?? 'invalid'}${more}`,
    {
      next:
        what === 'input'
          ? 'correct the call in the lifecycle'
          : `correct what run() of stage ${name} returns, or its output schema`,
    },
  );
}

/** The output as JSON, so that every attempt and every reader gets the same value. */
function checkedOutput(stage: StageDefinition, returned: unknown): unknown {
  const output = parseBySchema(stage, 'output', stage.output, returned);
  const text = toJson(stage, output);
  if (text === undefined) return null;
  const bytes = Buffer.byteLength(text);
  if (bytes > stageValueBytes)
    throw failure(
      'InvalidInput',
      `stage ${stage.name}: the output has ${count(bytes)} bytes of JSON; ` +
        `at most ${count(stageValueBytes)} are allowed`,
      { next: 'store it with context.writeJson or context.writeTable, and return the reference' },
    );
  return JSON.parse(text);
}

function toJson({ name }: StageDefinition, output: unknown): string | undefined {
  try {
    const text = JSON.stringify(output) as string | undefined;
    return text;
  } catch (error) {
    throw failure('InvalidInput', `stage ${name}: the output is not JSON`, {
      cause: error,
      next: 'return plain values, and references to artifacts',
    });
  }
}

/**
 * An error of the project's code names its stage, and the line that threw it. Errors of the platform
 * keep their type.
 */
function ownErrorsAt(placeOf: ProjectStageDeps['findPlace']) {
  const at = (error: unknown): string => {
    const place = placeOf(error);
    return place === null ? '' : ` (${place})`;
  };
  return async <T>(
    { name }: StageDefinition,
    next: string,
    work: () => T | Promise<T>,
  ): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (isPerennialError(error)) {
        const { type, message, issues, next: step, retryAfterMs } = error;
        throw failure(type, `${message}${at(error)}`, {
          cause: error,
          issues,
          ...(step !== undefined && { next: step }),
          ...(retryAfterMs !== undefined && { retryAfterMs }),
        });
      }
      // Only a cancelled activity may end as cancelled. Code may also abort its own requests.
      const { aborted } = Context.current().cancellationSignal;
      if (aborted && isError(error) && error.name === 'AbortError') throw error;
      const isFinal = isError(error) && error.name === 'StageError';
      const message = isError(error)
        ? `stage ${name}${at(error)}: ${error.message || error.name}`
        : `stage ${name} threw ${describeThrown(error)}; throw an Error`;
      throw failure(isFinal ? 'StageRefused' : 'StageFailed', message, {
        cause: error,
        next,
      });
    }
  };
}

/** Also an error of another realm, and a DOMException, which is no native error. */
function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || isNativeError(thrown);
}

const maxThrownText = 200;

function describeThrown(value: unknown): string {
  if (typeof value === 'string') return `the text ${JSON.stringify(value.slice(0, maxThrownText))}`;
  return value === null ? 'null' : `a ${typeof value}`;
}

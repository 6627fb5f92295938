import type { Issue } from '../../domain/failure';
import type { LifecycleRevision } from '../../domain/lifecycle/revision';
import type { TrainerCatalog } from './catalog';
import { paramIssues } from './params';

/**
 * Errors in the parameters of a run, with JSON pointers below `/params`. They are those of the
 * function of a project's lifecycle, or else those of the trainer. @throws NotFound for an unknown
 * trainer.
 */
export function runParamIssues(
  trainers: Pick<TrainerCatalog, 'checkParams'>,
  { lifecycle, spec }: LifecycleRevision,
  params: Readonly<Record<string, unknown>> | undefined,
): readonly Issue[] {
  const program = 'program' in spec ? spec.program : undefined;
  if (program) return placeIssues(paramIssues(program.params ?? noParams, params ?? {}));
  if (!params) return [];
  if (spec.kind !== 'ModelLifecycle') {
    const detail = `params are for a trainer, but ${lifecycle} is a ${spec.kind} and has none`;
    return [{ pointer: '/params', detail }];
  }
  const { trainer, params: defaults } = spec.train;
  return placeIssues(trainers.checkParams(trainer, { ...defaults, ...params }));
}

const noParams = { type: 'object', properties: {}, additionalProperties: false };

function placeIssues(issues: readonly Issue[]): readonly Issue[] {
  return issues.map((issue) => {
    const pointer = `/params${issue.pointer}`;
    return {
      ...issue,
      pointer,
      detail: `${pointer.slice(1).replaceAll('/', '.')}: ${issue.detail}`,
    };
  });
}

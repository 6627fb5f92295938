import { valueIssues } from '../../../data/training/params';
import type { ProjectBuildRecord } from '../../../db/project/repository';
import type { IssueAt } from '../../../domain/document/document';
import type { Issue } from '../../../domain/failure';
import { findProgram, type LifecycleSpec } from '../../../domain/lifecycle/revision';
import type { ProgramRef, ProgramSpec } from '../../../domain/lifecycle/sections/program';

/** Finds a stored build of the tenant. */
export type FindBuild = (ref: ProgramRef) => Promise<ProjectBuildRecord | null>;

/**
 * Refuses a build that does not exist or lacks the lifecycle, as no worker could run it, and a
 * schedule whose runs would lack parameters.
 */
export async function programIssues(
  spec: LifecycleSpec,
  {
    lifecycle,
    findBuild,
    issueAt,
  }: { readonly lifecycle: string; readonly findBuild: FindBuild; readonly issueAt: IssueAt },
): Promise<readonly Issue[]> {
  const program = findProgram(spec);
  if (!program) return [];
  const { project, build } = program;
  const found = await findBuild(program);
  const at = (detail: string): Issue =>
    issueAt(['spec', 'program', 'build'], `spec.program.build: ${detail}`, {
      expected: `a build that perennial deploy made of the project with the lifecycle ${lifecycle}`,
    });
  if (!found) return [at(`project ${project} has no build ${build}`)];
  const { lifecycles } = found;
  if (lifecycles.includes(lifecycle)) return scheduleIssues(spec, program, issueAt);
  return [at(`build ${build} of project ${project} has only ${lifecycles.join(', ')}`)];
}

function scheduleIssues(
  { schedule }: LifecycleSpec,
  { params }: ProgramSpec,
  issueAt: IssueAt,
): readonly Issue[] {
  if (schedule === null || params === null) return [];
  return valueIssues(params, {}, 'parameter').map(({ pointer, detail }) => {
    const name = pointer.replaceAll('/', '.');
    return issueAt(
      ['spec', 'schedule'],
      `spec.schedule: a scheduled run has no parameters, but params${name}: ${detail}`,
      { expected: 'a default for each parameter of a lifecycle with a schedule' },
    );
  });
}

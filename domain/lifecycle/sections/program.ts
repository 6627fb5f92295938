/** A lifecycle that a project writes in TypeScript, as its revision describes it. */
import type { ArtifactRef, Digest } from '../../artifact';
import { defaultTenant, type Tenant } from '../../ids';
import type { ComputeSpec } from '../../training/job';

/** The project build that executes a run. */
export interface ProgramRef {
  readonly project: string;
  /** Digest of the project's compiled code. */
  readonly build: Digest;
}

/** A build of a project, by the id that Temporal has for it (`toBuildId`). */
export interface ProjectBuildId {
  readonly project: string;
  readonly buildId: string;
}

/** The `program` section of a lifecycle. `perennial deploy` writes it. */
export interface ProgramSpec extends ProgramRef {
  /** JSON Schema of the parameters of a run; null when the lifecycle has none. */
  readonly params: Readonly<Record<string, unknown>> | null;
  /** JSON Schema of the data of each event that a run may wait for. Absent without events. */
  readonly events?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  /** The stages that the project defines, by name. */
  readonly stages: Readonly<Record<string, ProjectStageSpec>>;
  /** The Python steps of the project, by name. */
  readonly steps: Readonly<Record<string, ProjectStepSpec>>;
  /** The files that the steps use, by path. */
  readonly files: Readonly<Record<string, ArtifactRef>>;
  /** The locked Python packages of the steps; null for those of the platform. */
  readonly environment: ArtifactRef | null;
}

export interface ProjectStepSpec {
  readonly file: string;
  /** The name of the Python function. */
  readonly function: string;
  /** Digest of the project's Python files and packages. */
  readonly code: Digest;
  readonly compute: ComputeSpec;
}

export interface ProjectStageSpec {
  /** Digest of the stage's compiled code with its dependencies. */
  readonly code: Digest;
  /** False runs the stage again even with unchanged code and input. */
  readonly cache: boolean;
  /** The time limit of one attempt. */
  readonly timeoutSeconds: number;
  /** The largest number of attempts. */
  readonly attempts: number;
  readonly hasUndo: boolean;
}

/** The compiled code of a project. Its digest is over the canonical JSON of this. */
export interface ProjectBuild {
  readonly project: string;
  /** Names of the lifecycles. Each is a workflow type of this build. */
  readonly lifecycles: readonly string[];
  /** Digest of the bundle that Temporal's sandbox runs. */
  readonly workflows: Digest;
  /** Digest of the module that exports the stages. */
  readonly stages: Digest;
  /** Digests of the files of Python steps, by path. */
  readonly files: Readonly<Record<string, Digest>>;
  /** Digest of the locked Python packages; null without requirements. */
  readonly environment: Digest | null;
}

export interface ProjectPlace {
  readonly tenant: Tenant;
  readonly project: string;
}

/** The task queue of the project's workflows and stages. */
export function projectQueue({ tenant, project }: ProjectPlace): string {
  return `${projectQueues}${tenant}/${project}`;
}

/** The queues of all projects begin with this. */
export const projectQueues = 'project/';

export function isProjectQueue(name: string): boolean {
  return name.startsWith(projectQueues);
}

/**
 * The name of the project's Temporal Worker Deployment, which has no slashes or dots. Names of
 * tenants and projects have dashes but no underscore, so two projects never share a deployment.
 * Runs of the first tenant are pinned to names that were made before there were others.
 */
export function projectDeployment({ tenant, project }: ProjectPlace): string {
  return tenant === defaultTenant ? `project-${tenant}-${project}` : `project_${tenant}_${project}`;
}

/** Temporal's id of a build within the deployment: the first 16 hex digits of its digest. */
export function toBuildId(build: Digest): string {
  return build.slice('sha256:'.length, 'sha256:'.length + 16);
}

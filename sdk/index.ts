/** `@perennial-dev/perennial`: declares a project and its stages. */
export { z } from 'zod';
export { defineStage } from '../domain/project/stage';
export type { StageContext, StageDefinition } from '../domain/project/stage';
export { defineProject } from '../domain/project/config';
export type { ProjectConfig, ProjectLifecycleConfig } from '../domain/project/config';
export { artifactSchema, tableSchema } from '../domain/project/value.schema';
export { StageError } from '../domain/project/stage-error';
export type { ArtifactRef } from '../domain/artifact';
export type { DatasetVersionRef } from '../domain/dataset/dataset';

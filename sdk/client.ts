/** `@perennial-dev/perennial/client`: calls the API of a platform from programs. */
export { createClient } from '../apps/client/client';
export type { ClientOptions, PerennialClient } from '../apps/client/client';
export { ApiError } from '../apps/client/api-error';
export type { CallSettings } from '../apps/client/api-client';
export type { AnswerOf, BodyOf, Input, ItemOf, OperationName } from '../apps/client/operation';
export type { RunEventMessage, RunEventOptions } from '../apps/client/run-events';
export type { FoundRun, RunsClient, RunStart, RunWait, StartedRun } from '../apps/client/runs';

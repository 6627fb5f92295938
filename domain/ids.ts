declare const tag: unique symbol;

/** A checked id of one kind. The brand exists only for the compiler. */
export type Id<T extends string> = string & { readonly [tag]: T };

export type RunId = Id<'run'>;
export type Tenant = Id<'tenant'>;
export type DecisionId = Id<'decision'>;
export type RolloutId = Id<'rollout'>;
export type PredictionId = Id<'prediction'>;

/** The tenant of an installation without access control. */
export const defaultTenant = 'default' as Tenant;

/**
 * The identity of one side effect: `runId/stage/step[/item]/generation`. The workflow makes it, so
 * that all attempts have the same key.
 */
export type IdempotencyKey = Id<'idempotency'>;

export function effectKey(
  runId: RunId,
  stage: string,
  step: string,
  generation: number,
  item?: string,
): IdempotencyKey {
  return [runId, stage, step, ...(item === undefined ? [] : [item]), generation].join(
    '/',
  ) as IdempotencyKey;
}

/** The prefix of the workflow ids of a schedule's runs; Temporal appends the nominal time. */
export function scheduledWorkflowId({
  tenant,
  lifecycle,
}: {
  readonly tenant: Tenant;
  readonly lifecycle: string;
}): string {
  return `run/${tenant}/${lifecycle}/scheduled`;
}

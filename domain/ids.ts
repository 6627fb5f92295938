declare const tag: unique symbol;

/** A string that was checked or made as one kind of id; the brand exists only for the compiler. */
export type Id<T extends string> = string & { readonly [tag]: T };

export type RunId = Id<'run'>;
export type Tenant = Id<'tenant'>;
export type DecisionId = Id<'decision'>;
export type RolloutId = Id<'rollout'>;
export type PredictionId = Id<'prediction'>;

/** The one tenant that exists until access control arrives. */
export const defaultTenant = 'default' as Tenant;

/**
 * One side effect's identity: `runId/stage/step[/item]/generation`. Made by the workflow, so that
 * every attempt carries the same one.
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

/** What the workflow ids of a schedule's runs begin with; Temporal adds the nominal time. */
export function scheduledWorkflowId({
  tenant,
  lifecycle,
}: {
  readonly tenant: Tenant;
  readonly lifecycle: string;
}): string {
  return `run/${tenant}/${lifecycle}/scheduled`;
}

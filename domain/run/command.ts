/** What the API asks of a running workflow for somebody, signed so that nobody else can ask it. */
import type { Tenant } from '../ids';

/**
 * The scope that an API key needs for each. A vote also needs the role that the lifecycle names.
 */
export const commandScopes = {
  'run.approve': 'approver',
  'run.reject': 'approver',
  'run.pause': 'operator',
  'run.resume': 'operator',
  'rollout.hold': 'operator',
  'rollout.resume': 'operator',
  'rollout.skip': 'operator',
  'rollout.abort': 'operator',
  'rollout.extend': 'operator',
} as const satisfies Record<string, 'operator' | 'approver'>;

export type CommandVerb = keyof typeof commandScopes;

export interface CommandOrder {
  readonly tenant: Tenant;
  /** A command for one workflow is none for another. */
  readonly workflowId: string;
  readonly verb: CommandVerb;
  /** The idempotency key: carried out once, however often it is sent. */
  readonly id: string;
  /** Of the API key that asked. */
  readonly keyId: string;
  /** RFC 3339. An old command is refused. */
  readonly at: string;
  readonly reason?: string;
  /** Of event time; what `rollout.extend` adds. */
  readonly seconds?: number;
}

/** Who sent a command, and why. */
export interface Command {
  readonly actor: string;
  /** Of the API key; absent where the platform acts for itself. */
  readonly keyId?: string | undefined;
  readonly reason?: string | undefined;
}

export interface SignedCommand {
  readonly order: CommandOrder;
  /** Which signing key; they are rotated. */
  readonly signedBy: string;
  /** HMAC-SHA-256 over the canonical JSON of the order, hex. */
  readonly signature: string;
}

/** Who acts, as the registry knows the API key. */
export interface KeyHolder {
  readonly keyId: string;
  /** Same for a key and those that it was rotated into. */
  readonly holderId: string;
  readonly name: string;
  readonly scope: string;
}

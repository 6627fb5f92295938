/** Commands of the API to a running workflow, signed so that no other client can send them. */
import type { Tenant } from './ids';

/** The scope that each command needs. A vote also needs the scope in the lifecycle. */
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
  /** Only this workflow accepts the command. */
  readonly workflowId: string;
  readonly verb: CommandVerb;
  /** The idempotency key: the command has one effect, however often it is sent. */
  readonly id: string;
  /** The id of the caller's API key. */
  readonly keyId: string;
  /** RFC 3339. An old command is rejected. */
  readonly at: string;
  readonly reason?: string;
  /** Seconds of event time that `rollout.extend` adds. */
  readonly seconds?: number;
  /** The stage whose ballot the voter has seen. A vote counts for no other ballot. */
  readonly stage?: string;
}

/** Who sent a command, and why. */
export interface Command {
  readonly actor: string;
  /** The id of the API key; absent for commands of the platform. */
  readonly keyId?: string | undefined;
  readonly reason?: string | undefined;
}

export interface SignedCommand {
  readonly order: CommandOrder;
  /** The id of the signing key. */
  readonly signedBy: string;
  /** HMAC-SHA-256 over the canonical JSON of the order, hex. */
  readonly signature: string;
}

/** The owner of an API key. */
export interface KeyHolder {
  readonly keyId: string;
  /** The same for a key and its rotated successors. */
  readonly holderId: string;
  readonly name: string;
  readonly scope: string;
}

/**
 * The API signs commands to workflows, and workers verify them: HMAC-SHA-256 (RFC 2104) over the
 * canonical JSON (RFC 8785) of the order.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalJson } from '../../domain/canonical';
import { commandScopes, type CommandOrder, type SignedCommand } from '../../domain/command';

export interface CommandKey {
  readonly id: string;
  readonly secret: string;
}

/**
 * Keys are read at each use, so a rotation needs no restart. The first key signs; every key
 * verifies.
 */
export type CommandKeys = () => readonly [CommandKey, ...CommandKey[]];

/** How long a command may wait for a worker before it needs a new signature. */
const commandLifetimeMilliseconds = 10 * 60_000;
/** Largest accepted difference between the clocks of two machines. */
const clockSkewMilliseconds = 60_000;

export function signCommand(keys: CommandKeys, order: CommandOrder): SignedCommand {
  const [{ id, secret }] = keys();
  return { order, signedBy: id, signature: computeSignature(secret, order) };
}

export type CommandCheck =
  | { readonly kind: 'signed'; readonly order: CommandOrder }
  /** Signed, but too long ago to be executed for the first time. */
  | { readonly kind: 'expired'; readonly order: CommandOrder; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string };

/** `given` can come from anyone who reaches Temporal. Nothing in it is trusted before the check. */
export function checkCommand(keys: CommandKeys, given: unknown, now = Date.now()): CommandCheck {
  const refuseCommand = (why: string): CommandCheck => ({ kind: 'refused', why });
  if (!isSignedCommand(given)) return refuseCommand('it has no signature of the API');
  const { order, signedBy, signature } = given;
  const key = keys().find(({ id }) => id === signedBy);
  if (!key) return refuseCommand('this worker does not know the key that signed it');
  let expected: string;
  try {
    expected = computeSignature(key.secret, order);
  } catch {
    return refuseCommand('it is not valid JSON');
  }
  if (!isEqual(expected, signature))
    return refuseCommand('its signature does not match its content');
  const age = now - Date.parse(order.at);
  if (!(age >= -clockSkewMilliseconds))
    return refuseCommand(`its signing time ${order.at} is invalid or in the future`);
  if (age > commandLifetimeMilliseconds)
    return { kind: 'expired', order, why: `its signature of ${order.at} has expired` };
  return { kind: 'signed', order };
}

function computeSignature(secret: string, order: CommandOrder): string {
  return createHmac('sha256', secret).update(canonicalJson(order)).digest('hex');
}

function isEqual(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function isSignedCommand(given: unknown): given is SignedCommand {
  const { order, signedBy, signature } = (given ?? {}) as Partial<
    Record<keyof SignedCommand, unknown>
  >;
  if (
    typeof signedBy !== 'string' ||
    typeof signature !== 'string' ||
    typeof order !== 'object' ||
    order === null
  )
    return false;
  const { tenant, workflowId, verb, id, keyId, at } = order as Partial<
    Record<keyof CommandOrder, unknown>
  >;
  const texts = [tenant, workflowId, id, keyId, at];
  return (
    texts.every((text) => typeof text === 'string') &&
    typeof verb === 'string' &&
    Object.hasOwn(commandScopes, verb)
  );
}

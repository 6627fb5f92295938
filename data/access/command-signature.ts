/**
 * The API signs what people ask of workflows, and workers check it: HMAC-SHA-256 (RFC 2104) over
 * the canonical JSON (RFC 8785) of the order.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalJson } from '../../domain/canonical';
import { commandScopes, type CommandOrder, type SignedCommand } from '../../domain/run/command';

export interface CommandKey {
  readonly id: string;
  readonly secret: string;
}

/**
 * Read when they are needed, so that a rotation needs no restart. The first signs; each may have
 * signed.
 */
export type CommandKeys = () => readonly [CommandKey, ...CommandKey[]];

/** A command may wait for a worker this long; after that the same words need a new signature. */
const commandLifetimeMilliseconds = 10 * 60_000;
/** By which the clocks of two machines may differ. */
const clockSkewMilliseconds = 60_000;

export function signCommand(keys: CommandKeys, order: CommandOrder): SignedCommand {
  const [{ id, secret }] = keys();
  return { order, signedBy: id, signature: signatureOf(secret, order) };
}

export type CheckedCommand =
  | { readonly kind: 'signed'; readonly order: CommandOrder }
  /** Signed, but too long ago to be carried out for the first time. */
  | { readonly kind: 'expired'; readonly order: CommandOrder; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * `given` comes from whoever reaches Temporal: nothing of it is believed before the signature
 * holds.
 */
export function checkCommand(keys: CommandKeys, given: unknown, now = Date.now()): CheckedCommand {
  const refused = (why: string): CheckedCommand => ({ kind: 'refused', why });
  if (!isSignedCommand(given)) return refused('it carries no signature of the API');
  const { order, signedBy, signature } = given;
  const key = keys().find(({ id }) => id === signedBy);
  if (!key) return refused('it is signed with a key that this worker does not know');
  let expected: string;
  try {
    expected = signatureOf(key.secret, order);
  } catch {
    return refused('it is not JSON');
  }
  if (!isEqual(expected, signature)) return refused('its signature does not match what it says');
  const age = now - Date.parse(order.at);
  if (!(age >= -clockSkewMilliseconds))
    return refused(`it was signed at ${order.at}, which is no time up to now`);
  if (age > commandLifetimeMilliseconds)
    return { kind: 'expired', order, why: `it was signed at ${order.at}, which is too long ago` };
  return { kind: 'signed', order };
}

function signatureOf(secret: string, order: CommandOrder): string {
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

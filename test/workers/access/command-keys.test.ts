import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkCommand, signCommand } from '../../../data/access/command-signature';
import type { CommandOrder } from '../../../domain/command';
import { defaultTenant } from '../../../domain/ids';
import { commandKeysFrom, ensureCommandKeys } from '../../../workers/access/command-keys';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'command-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const order: CommandOrder = {
  tenant: defaultTenant,
  workflowId: 'run/default/a/run_1',
  verb: 'run.approve',
  id: 'run.approve/1',
  keyId: 'k1',
  at: new Date().toISOString(),
};
const file = (): string => join(folder, 'run', 'command-keys.json');
const write = (...keys: { id: string; secret: string }[]): void =>
  writeFileSync(file(), JSON.stringify({ keys }), { mode: 0o600 });
const key = (id: string) => ({ id, secret: `${id} is a secret of more than 32 characters` });

test('creates the key file once, readable by its user alone', () => {
  ensureCommandKeys(file());
  const [made] = commandKeysFrom(file())();
  ensureCommandKeys(file());
  expect(commandKeysFrom(file())()).toEqual([made]);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
});

test('after a rotation the new key signs, and the old one verifies until it is removed', () => {
  ensureCommandKeys(file());
  const keys = commandKeysFrom(file());
  write(key('old'));
  const before = signCommand(keys, order);
  write(key('new'), key('old'));
  const after = signCommand(keys, order);
  expect([before.signedBy, after.signedBy]).toEqual(['old', 'new']);
  for (const command of [before, after])
    expect(checkCommand(keys, command)).toEqual({ kind: 'signed', order });
  write(key('new'));
  expect(checkCommand(keys, before)).toMatchObject({
    kind: 'refused',
    why: expect.stringContaining('does not know') as string,
  });
  expect(checkCommand(keys, after)).toMatchObject({ kind: 'signed' });
});

test.each([
  ['is missing', null],
  ['has no key', { keys: [] }],
  ['has a key that is too short', { keys: [{ id: 'a', secret: 'short' }] }],
])('fails with the next step if the key file %s', async (_, content) => {
  ensureCommandKeys(file());
  if (content === null) rmSync(file());
  else writeFileSync(file(), JSON.stringify(content));
  const read = async (): Promise<unknown> => Promise.resolve(commandKeysFrom(file())());
  await expect(read()).rejects.toMatchObject({
    type: 'PlatformUnavailable',
    next: expect.stringContaining('setup') as string,
  });
});

test.each([
  ['within ten minutes', 9 * 60_000, 'signed'],
  ['after ten minutes', 11 * 60_000, 'expired'],
  ['by a clock that is a minute behind', -50_000, 'signed'],
  ['two minutes before its time', -120_000, 'refused'],
])('a command that arrives %s is %s', (_, milliseconds, kind) => {
  const keys = () => [key('k')] as const;
  expect(
    checkCommand(keys, signCommand(keys, order), Date.parse(order.at) + milliseconds),
  ).toMatchObject({ kind });
});

test('refuses a command with an invalid time', () => {
  const keys = () => [key('k')] as const;
  expect(checkCommand(keys, signCommand(keys, { ...order, at: 'soon' }))).toMatchObject({
    kind: 'refused',
  });
});

import { checkJobToken, isJobToken, signJobToken } from '../../../data/access/job-token';
import type { CommandKeys } from '../../../data/access/command-signature';
import type { RunId, Tenant } from '../../../domain/ids';

const keys: CommandKeys = () => [{ id: 'key 1', secret: 'first' }];
const rotated: CommandKeys = () => [
  { id: 'key 2', secret: 'second' },
  { id: 'key 1', secret: 'first' },
];
const now = Date.parse('2026-01-01T00:00:00.000Z');
const content = {
  tenant: 'default' as Tenant,
  runId: 'run_01' as RunId,
  expiresAt: '2026-01-01T00:10:00.000Z',
};

test('a token gives its content until it expires, also after the key was rotated', () => {
  const token = signJobToken(keys, content);
  expect(isJobToken(token)).toBe(true);
  expect(checkJobToken(keys, token, now)).toEqual(content);
  expect(checkJobToken(rotated, token, now)).toEqual(content);
  expect(checkJobToken(keys, token, now + 600_000)).toBeNull();
});

test('a token that anyone could have made is refused', () => {
  const token = signJobToken(keys, content);
  const [id = '', , signature = ''] = token.split('.');
  const foreign = Buffer.from(JSON.stringify({ ...content, tenant: 'other' })).toString(
    'base64url',
  );
  const others = [
    `${id}.${foreign}.${signature}`,
    signJobToken(() => [{ id: 'key 1', secret: 'guessed' }], content),
    signJobToken(() => [{ id: 'key 3', secret: 'first' }], content),
    token.slice(0, -1),
    token.slice('jt_'.length),
    'jt_',
    'jt_a.b.c',
  ];
  for (const each of others) expect(checkJobToken(keys, each, now)).toBeNull();
});

test('a signed token with other content is refused', () => {
  const strange = { ...content, runId: 'rollout_01' as RunId };
  expect(checkJobToken(keys, signJobToken(keys, strange), now)).toBeNull();
});

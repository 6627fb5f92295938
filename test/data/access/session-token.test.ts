import type { CommandKeys } from '../../../data/access/command-signature';
import { checkSession, signSession } from '../../../data/access/session-token';

const keys: CommandKeys = () => [{ id: 'key 1', secret: 'first' }];
const now = Date.parse('2026-01-01T00:00:00.000Z');
const session = {
  keyId: '01jg',
  csrf: 'c'.repeat(43),
  expiresAt: '2026-01-01T12:00:00.000Z',
};

test('a session gives its content until it expires, also after the key was rotated', () => {
  const token = signSession(keys, session);
  const rotated: CommandKeys = () => [{ id: 'key 2', secret: 'second' }, ...keys()];
  expect(checkSession(keys, token, now)).toEqual(session);
  expect(checkSession(rotated, token, now)).toEqual(session);
  expect(checkSession(keys, token, now + 12 * 3_600_000)).toBeNull();
});

test('a session that anyone could have made is refused', () => {
  const token = signSession(keys, session);
  const [id = '', , signature = ''] = token.split('.');
  const foreign = Buffer.from(JSON.stringify({ ...session, keyId: 'other' })).toString('base64url');
  const others = [
    `${id}.${foreign}.${signature}`,
    signSession(() => [{ id: 'key 1', secret: 'guessed' }], session),
    token.slice(0, -1),
    'st_',
    'st_a.b.c',
    // The same key signs commands and tokens of jobs, for another purpose.
    token.replace(/^st_/, 'jt_'),
  ];
  for (const each of others) expect(checkSession(keys, each, now)).toBeNull();
});

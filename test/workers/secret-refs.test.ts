import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secretResolver } from '../../workers/secret-refs';

describe('a secret that a spec refers to', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const write = (name: string, content: string | Buffer): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  test('is read anew each time: a variable, or a file without its line end', async () => {
    const environment: Record<string, string> = { HOOK_SECRET: 'one' };
    const secretOf = secretResolver(environment);
    expect(await secretOf({ env: 'HOOK_SECRET' })).toBe('one');
    environment['HOOK_SECRET'] = 'two';
    expect(await secretOf({ env: 'HOOK_SECRET' })).toBe('two');
    const file = write('secret', 'three\n');
    expect(await secretOf({ file })).toBe('three');
    write('secret', ' four \n');
    expect(await secretOf({ file })).toBe('four');
  });

  test.each([
    ['no such variable', () => ({ env: 'NOT_SET' }), 'this worker has no variable NOT_SET'],
    ['an empty variable', () => ({ env: 'EMPTY' }), 'this worker has no variable EMPTY'],
    ['no such file', () => ({ file: join(folder, 'none') }), 'ENOENT'],
    ['an empty file', () => ({ file: write('empty', '\n') }), 'is empty'],
    ['a folder', () => ({ file: folder }), 'is no file of at most 64 KiB'],
    ['a large file', () => ({ file: write('large', Buffer.alloc(65_537, 'a')) }), 'is no file of at most 64 KiB'],
    ['a device without end', () => ({ file: '/dev/zero' }), 'is no file of at most 64 KiB'],
    [
      'a pipe that nobody writes to',
      () => {
        execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', join(folder, 'pipe')]);
        return { file: join(folder, 'pipe') };
      },
      'is no file of at most 64 KiB',
    ],
  ])('%s: the error names the reference, never waits and never reads on', async (_, ref, words) => {
    await expect(secretResolver({ EMPTY: '' })(ref())).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining(words) as string,
    });
  });
});

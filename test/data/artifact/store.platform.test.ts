import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openArtifactStore } from '../../../data/artifact/store';
import { testArtifactStore } from '../../contracts/artifact-store';
import { testBucket } from '../../support/platform';

testArtifactStore('SeaweedFS', () => Promise.resolve(testBucket()));

const root = resolve(__dirname, '..', '..', '..');

test('a process killed during an upload leaves nothing visible, and the next one completes the upload', async () => {
  const settings = testBucket();
  const store = openArtifactStore({ ...settings, leases: null });
  await store.ensureBucket();
  const folder = await mkdtemp(join(tmpdir(), 'killed-'));
  const path = join(folder, 'large');
  await writeFile(path, randomBytes(40 << 20));
  const put = { tenant: 'default', runId: 'run_killed', path, mediaType: 'x/y' };
  const script = `
    const { openArtifactStore } = require('./data/artifact/store');
    const store = openArtifactStore(${JSON.stringify({ ...settings, leases: null })});
    store.putFile({ ...${JSON.stringify(put)}, onProgress: () => { console.log('sent'); return new Promise(() => setInterval(() => {}, 1000)); } });`;
  const child = spawn(process.execPath, ['-r', 'tsx/cjs', '-e', script], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const isSending = once(child.stdout, 'data').then(() => true);
    const hasFailed = once(child, 'exit').then(() => false);
    expect(await Promise.race([isSending, hasFailed])).toBe(true);
    child.kill('SIGKILL');
    await hasFailed;
    expect(await store.staging.runs('default')).toEqual(['run_killed']);
    expect(await store.staging.list(put)).toHaveLength(1);
    const ref = await store.putFile(put);
    expect(await store.exists(ref)).toBe(true);
    expect(await store.staging.clear(put)).toBe(1);
    expect(await store.staging.list(put)).toEqual([]);
    await store.toFile(ref, join(folder, 'back'));
  } finally {
    child.kill('SIGKILL');
    store.close();
    await rm(folder, { recursive: true, force: true });
  }
});

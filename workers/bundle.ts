import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { sourceDigest } from './source-digest';

const root = resolve(__dirname, '..');

/**
 * The workflow code as one file, built once for each state of its sources: bundling takes seconds, a start should not.
 * Written under a name of its own and renamed, so that processes that build at the same time do not read half a file.
 */
export async function workflowBundle(
  cacheDir = join(root, '.perennial', 'build'),
  workflowsPath = join(root, 'workflows', 'index.ts'),
): Promise<{ readonly codePath: string }> {
  // Everything that it may hold: workflows, domain, the entry itself and the SDK's version.
  const digest = sourceDigest(['package-lock.json', workflowsPath, 'workflows', 'domain']).slice('sha256:'.length, 'sha256:'.length + 16);
  const codePath = join(cacheDir, `workflows-${digest}.js`);
  if (existsSync(codePath)) return { codePath };
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: quiet });
  mkdirSync(cacheDir, { recursive: true });
  const unfinished = `${codePath}.${process.pid}`;
  writeFileSync(unfinished, code);
  renameSync(unfinished, codePath);
  return { codePath };
}

const silent = (): void => undefined;
const quiet = { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: silent };

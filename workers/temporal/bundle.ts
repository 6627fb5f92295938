import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import type { Digest } from '../../domain/dataset/artifact';
import { sourceDigest } from './source-digest';

const root = resolve(__dirname, '..', '..');
const interceptorsPath = join(root, 'workflows', 'begun-first.ts');

export interface WorkflowCode {
  readonly codePath: string;
  /** Of the sources. */
  readonly digest: Digest;
}

/**
 * The workflow code as one file, built once for each state of its sources: bundling takes seconds,
 * a start should not. Written under a name of its own and renamed, so that processes that build at
 * the same time do not read half a file.
 */
export async function workflowBundle(
  cacheDir = join(root, '.perennial', 'build'),
  workflowsPath = join(root, 'workflows', 'index.ts'),
): Promise<WorkflowCode> {
  // Everything that it may hold: workflows, domain, the entry itself and the SDK's version.
  const digest = sourceDigest(['package-lock.json', workflowsPath, 'workflows', 'domain']);
  const codePath = join(
    cacheDir,
    `workflows-${digest.slice('sha256:'.length, 'sha256:'.length + 16)}.js`,
  );
  if (existsSync(codePath)) return { codePath, digest };
  // Where the bundler's compiler unpacks itself when it loads; else in the user's home.
  process.env['SWC_NATIVE_BINDING_CACHE'] ??= join(cacheDir, 'swc');
  const { code } = await bundleWorkflowCode({
    workflowsPath,
    workflowInterceptorModules: [interceptorsPath],
    logger: quiet,
  });
  mkdirSync(cacheDir, { recursive: true });
  const unfinished = `${codePath}.${process.pid}`;
  writeFileSync(unfinished, code);
  renameSync(unfinished, codePath);
  return { codePath, digest };
}

const silent = (): void => undefined;
const quiet = {
  log: silent,
  trace: silent,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
};

import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { compileInstalledSources } from '../../apps/project/installed-sources';
import type { Digest } from '../../domain/artifact';
import { lockFile, sourceDigest } from './source-digest';

const root = resolve(__dirname, '..', '..');
const interceptorsPath = join(root, 'workflows', 'interceptors.ts');

export interface WorkflowCode {
  readonly codePath: string;
  /** Digest of the sources. */
  readonly digest: Digest;
}

/**
 * Builds the workflow code as one file, once for each state of its sources, because bundling takes
 * seconds. The file is renamed into place, so that concurrent builds never read a partial file.
 */
export async function workflowBundle(
  cacheDir = join(root, '.perennial', 'build'),
  workflowsPath = join(root, 'workflows', 'index.ts'),
): Promise<WorkflowCode> {
  // Everything that the bundle may hold: workflows, domain, the entry and the SDK's version.
  const digest = sourceDigest([lockFile, workflowsPath, 'workflows', 'domain']);
  const codePath = join(
    cacheDir,
    `workflows-${digest.slice('sha256:'.length, 'sha256:'.length + 16)}.js`,
  );
  if (existsSync(codePath)) return { codePath, digest };
  // The bundler's compiler unpacks itself here when it loads; its default is the user's home.
  process.env['SWC_NATIVE_BINDING_CACHE'] ??= join(cacheDir, 'swc');
  const { code } = await bundleWorkflowCode({
    workflowsPath,
    workflowInterceptorModules: [interceptorsPath],
    webpackConfigHook: compileInstalledSources,
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

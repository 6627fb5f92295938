import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';

const root = resolve(__dirname, '..');

/**
 * The workflow code as one file, built once for each state of its sources: bundling takes seconds, a start should not.
 * Written under a name of its own and renamed, so that processes that build at the same time do not read half a file.
 */
export async function workflowBundle(
  cacheDir = join(root, '.perennial', 'build'),
  workflowsPath = join(root, 'workflows', 'index.ts'),
): Promise<{ readonly codePath: string }> {
  const codePath = join(cacheDir, `workflows-${sourceDigest(workflowsPath)}.js`);
  if (exists(codePath)) return { codePath };
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: quiet });
  mkdirSync(cacheDir, { recursive: true });
  const unfinished = `${codePath}.${process.pid}`;
  writeFileSync(unfinished, code);
  renameSync(unfinished, codePath);
  return { codePath };
}

/** Over everything that the bundle may hold: workflows, domain, the entry itself and the SDK's version. */
function sourceDigest(entry: string): string {
  const hash = createHash('sha256');
  hash.update(readFileSync(join(root, 'package-lock.json')));
  for (const file of [entry, ...sourcesIn(join(root, 'workflows')), ...sourcesIn(join(root, 'domain'))]) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

function sourcesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => join(directory, name));
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

const silent = (): void => undefined;
const quiet = { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: silent };

/**
 * Runs the embedded model as on an older processor. llama.cpp has its arithmetic once per
 * generation and chooses the newest that the machine supports.
 */
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { llmFolder } from '../../data/language/runtime-module';

/** Generations of x86: without AVX (2008), with AVX2 (2013), with AVX-512 (2017). */
export type Processor = 'sse42' | 'haswell' | 'skylakex';

const libraries = join(
  llmFolder,
  'node_modules',
  '@node-llama-cpp',
  'linux-x64',
  'bins',
  'linux-x64',
);

/** Runs `start` so that the process that it starts finds only the arithmetic of this generation. */
export async function runAsProcessor<T>(
  processor: Processor,
  folder: string,
  start: () => Promise<T>,
): Promise<T> {
  const alone = mkdtempSync(join(folder, `${processor}-`));
  const library = `libggml-cpu-${processor}.so`;
  symlinkSync(join(libraries, library), join(alone, library));
  const preload = join(alone, 'preload.cjs');
  writeFileSync(
    preload,
    `const open = process.dlopen;
process.dlopen = function (module, file, ...rest) {
  open.call(this, module, file, ...rest);
  if (!file.endsWith('llama-addon.node')) return;
  const native = module.exports;
  const loadBackends = (path) => path && native.loadBackends(${JSON.stringify(alone)});
  module.exports = Object.create(native, { loadBackends: { value: loadBackends } });
};
`,
  );
  const before = process.env['NODE_OPTIONS'];
  process.env['NODE_OPTIONS'] = `${before ?? ''} --require ${preload}`.trim();
  try {
    return await start();
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = before;
  }
}

/** The arithmetic that the process has loaded, from /proc. */
export function readProcessor(pid: number): string {
  const found = new Set(
    readFileSync(`/proc/${pid}/maps`, 'utf8').match(/libggml-cpu-\w+(?=\.so)/g) ?? [],
  );
  return [...found].map((name) => name.slice('libggml-cpu-'.length)).join(' and ') || 'unknown';
}

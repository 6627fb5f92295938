import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const root = resolve(__dirname, '..');
const folders = ['domain', 'workflows', 'activities', 'db', 'data', 'apps', 'workers', 'infra'];

/** A file for each import that a rule forbids, and what it imports. */
const forbidden: readonly (readonly [rule: string, file: string, imported: string])[] = [
  ['domain-is-pure', 'domain/library.ts', 'pg'],
  ['domain-is-pure', 'domain/parses.ts', 'zod'],
  ['domain-is-pure', 'domain/registry.ts', '../db/good'],
  ['domain-no-node', 'domain/node.ts', 'node:fs'],
  ['schemas-use-zod', 'domain/stores.schema.ts', 'pg'],
  ['workflows-are-deterministic', 'workflows/library.ts', 'undici'],
  ['workflows-are-deterministic', 'workflows/parses.ts', '../domain/good.schema'],
  ['workflows-are-deterministic', 'workflows/effect.ts', '../activities/good'],
  ['domain-no-node', 'workflows/node.ts', 'node:crypto'],
  ['db', 'db/library.ts', '@aws-sdk/client-s3'],
  ['db', 'db/artifacts.ts', '../data/good'],
  ['data', 'data/library.ts', 'pg'],
  ['data', 'data/registry.ts', '../db/good'],
  ['activities', 'activities/library.ts', 'fastify'],
  ['activities', 'activities/app.ts', '../apps/good'],
  ['web', 'apps/web/src/server.ts', '../../api/good'],
  ['web', 'apps/web/src/library.ts', 'pg'],
  ['apps-use-messages-only', 'apps/workflow.ts', '../workflows/good'],
  ['apps-use-messages-only', 'apps/effect.ts', '../activities/good'],
  ['apps-use-messages-only', 'apps/starts.ts', '../infra/good'],
  ['workers-are-imported-by-nobody', 'apps/settings.ts', '../workers/good'],
  ['no-cycles', 'data/cycle-back.ts', './cycle-there'],
];
/** In each folder two files that import only each other's types. */
const typeCycles = folders.map((folder) => ({
  folder,
  there: `${folder}/type-cycle-there.ts`,
  back: `${folder}/type-cycle-back.ts`,
}));
const allowed: readonly (readonly [file: string, imported: string])[] = [
  ...folders.map((folder) => [`${folder}/good.ts`, '../domain/rules'] as const),
  ['apps/api/good.ts', '../good'],
  ['domain/good.schema.ts', 'zod'],
  ['domain/rules.ts', './values'],
  ['data/cycle-there.ts', './cycle-back'],
  ['db/driver.ts', 'pg'],
  ['apps/messages.ts', '../workflows/run-messages'],
  ['workflows/run-messages.ts', '@temporalio/workflow'],
];

let clone: string;
beforeAll(() => {
  clone = mkdtempSync(join(tmpdir(), 'perennial-boundaries-'));
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json'])
    cpSync(join(root, file), join(clone, file));
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
  write('domain/values.ts', 'export const good = 1;\n');
  for (const [file, imported] of [...allowed, ...forbidden.map(([, ...planted]) => planted)]) {
    write(file, `import * as used from '${imported}';\nexport const good = used;\n`);
  }
  for (const { there, back } of typeCycles) {
    write(
      there,
      `import type { Back } from './type-cycle-back';\nexport type There = Back | null;\n`,
    );
    write(back, `import type { There } from './type-cycle-there';\nexport type Back = There[];\n`);
  }
});
afterAll(() => rmSync(clone, { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(clone, file)), { recursive: true });
  writeFileSync(join(clone, file), text);
}

test('reports every forbidden import and no other', () => {
  const depcruise = join(root, 'node_modules', '.bin', 'depcruise');
  const { stdout } = spawnSync(
    depcruise,
    ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...folders],
    {
      cwd: clone,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  const { summary } = JSON.parse(stdout) as {
    summary: { violations: readonly { from: string; rule: { name: string } }[] };
  };
  const found = summary.violations.map(({ from, rule }) => `${rule.name}: ${from}`);
  for (const [rule, file] of forbidden) expect(found).toContain(`${rule}: ${file}`);
  // A cycle is reported once, at one of its files.
  const isReported = (file: string) => found.includes(`no-type-cycles: ${file}`);
  const missed = typeCycles.filter(({ there, back }) => !isReported(there) && !isReported(back));
  expect(missed).toEqual([]);
  const planted = new Set<string>([
    ...forbidden.map(([, file]) => file),
    ...typeCycles.flatMap(({ there, back }) => [there, back]),
    'data/cycle-there.ts',
  ]);
  expect(summary.violations.filter(({ from }) => !planted.has(from))).toEqual([]);
});

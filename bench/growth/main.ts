/**
 * Times of the queries that grow with a registry, at 10, 100 and 1,000 times its first size, on a
 * PostgreSQL that syncs as in production. `--scales 10,100` measures fewer.
 */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openDatabase } from '../../db/connection';
import { migrate } from '../../db/migrate';
import { createRegistry } from '../../db/registry';
import { openDeathWatch } from '../../infra/death-watch';
import { findPostgres } from '../../infra/embedded/binaries';
import { startPostgres } from '../../infra/embedded/postgres';
import { freePorts } from '../../infra/ports';
import { memoryArchive, newSigner, registerFirst } from '../../test/db/audit/fixture';
import { rounded } from '../figures';
import { fillRegistry, sizeAt } from './fill';
import { measureGrowth, type GrowthFigures } from './measure';

const root = resolve(__dirname, '..', '..');

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { scales: { type: 'string', default: '10,100,1000' } } });
  const scales = values.scales.split(',').map(Number);
  const measured: {
    readonly scale: number;
    readonly fillSeconds: number;
    readonly figures: GrowthFigures;
  }[] = [];
  for (const scale of scales) {
    measured.push({ scale, ...(await atScale(scale)) });
    process.stderr.write(`measured at ${scale}×\n`);
  }
  printTable(measured);
  process.stdout.write(
    `${JSON.stringify({ bench: 'growth', unit: 'ms', load: rounded(loadavg()[0] ?? 0), measured })}\n`,
  );
}

async function atScale(
  scale: number,
): Promise<{ readonly fillSeconds: number; readonly figures: GrowthFigures }> {
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const database = openDatabase({ url: await ownPostgres(closers) });
    closers.push(() => database.close());
    await migrate(database);
    const registry = createRegistry(database);
    const audit = { signer: newSigner(), archive: memoryArchive() };
    await registerFirst(registry, audit.signer);
    const startedAt = performance.now();
    await fillRegistry({ database, registry, scale, audit });
    const fillSeconds = rounded((performance.now() - startedAt) / 1000);
    process.stderr.write(`filled ${JSON.stringify(sizeAt(scale))} in ${fillSeconds} s\n`);
    return { fillSeconds, figures: await measureGrowth({ database, registry, audit }) };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function ownPostgres(closers: (() => Promise<unknown>)[]): Promise<string> {
  const watch = openDeathWatch();
  const folder = mkdtempSync(join(tmpdir(), 'perennial-growth-'));
  const [port = 0] = await freePorts(1);
  const postgres = await startPostgres({
    home: findPostgres({ environment: process.env, cacheDir: join(root, '.perennial', 'bin') }),
    stateDir: join(folder, 'postgres'),
    logFile: join(folder, 'postgres.log'),
    port,
    user: 'perennial',
    password: 'bench',
    database: 'perennial',
    durability: 'on',
    guard: watch,
  });
  closers.push(async () => {
    await postgres.stop();
    await watch.close();
    await rm(folder, { recursive: true, force: true });
  });
  return postgres.url('perennial');
}

function printTable(
  measured: readonly { readonly scale: number; readonly figures: GrowthFigures }[],
): void {
  const names = Object.keys(measured[0]?.figures ?? {});
  const width = Math.max(...names.map((name) => name.length));
  const cells = (name: string) =>
    measured.map(({ figures }) => String(figures[name] ?? '').padStart(10)).join('');
  process.stdout.write(
    `\nMedians in milliseconds\n  ${''.padEnd(width)}${measured.map(({ scale }) => `${scale}×`.padStart(10)).join('')}\n`,
  );
  for (const name of names) process.stdout.write(`  ${name.padEnd(width)}${cells(name)}\n`);
}

void main();

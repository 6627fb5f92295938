/**
 * Engines that are not part of Perennial. PERENNIAL_COMPUTE_BACKENDS names their folders or npm
 * packages, and each exports `openEngine`. Their code runs in the workers with all their rights, so
 * only who writes the settings of the platform can install one.
 */
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import type { ComputeEngine } from '../../activities/training/compute/remote/engine';
import { isPerennialError } from '../../domain/failure';
import { computeOfferSchema } from '../../domain/training/compute-offer.schema';
import { isInstalledKind, type InstalledComputeKind } from '../../domain/training/job';
import { wrongSettings } from '../setting-errors';

const setting = 'PERENNIAL_COMPUTE_BACKENDS';

export type InstalledEngine = ComputeEngine & { readonly kind: InstalledComputeKind };

const methods = ['submit', 'state', 'logs', 'cancel', 'forget', 'check'] as const;

/** @throws InvalidInput with the entry and what is wrong with it */
export function openInstalledEngines(entries: readonly string[]): readonly InstalledEngine[] {
  const engines = entries.map(openInstalledEngine);
  engines.forEach(({ kind }, index) => {
    if (engines.findIndex((other) => other.kind === kind) < index)
      throw wrong(entries[index] ?? '', `has the kind ${kind}, which another entry has too`);
  });
  return engines;
}

function openInstalledEngine(entry: string): InstalledEngine {
  const load = createRequire(join(process.cwd(), 'package.json'));
  const isFolder = isAbsolute(entry) || entry.startsWith('.') || entry.includes('\\');
  let engine: unknown;
  try {
    const module_ = load(isFolder ? resolve(entry) : entry) as { readonly openEngine?: unknown };
    if (typeof module_.openEngine !== 'function')
      throw wrong(entry, 'does not export the function openEngine');
    engine = (module_.openEngine as () => unknown)();
  } catch (error) {
    if (isPerennialError(error)) throw error;
    throw wrong(entry, `cannot be loaded: ${readFirstLine(error)}`);
  }
  if (!isEngine(engine))
    throw wrong(entry, `does not open an engine, which has ${methods.join(', ')}`);
  if (!isInstalledKind(engine.kind))
    throw wrong(
      entry,
      `has the kind "${engine.kind}"; the kind of an installed engine is such as x-nomad`,
    );
  return { ...bindMethods(engine), ...offerIn(engine, engine.kind), kind: engine.kind };
}

function isEngine(value: unknown): value is ComputeEngine {
  if (typeof value !== 'object' || value === null) return false;
  const found = value as Readonly<Record<string, unknown>>;
  return typeof found['kind'] === 'string' && methods.every((name) => isFunction(found[name]));
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

/** An engine may be an instance of a class, whose methods need it. */
function bindMethods(engine: ComputeEngine): ComputeEngine {
  return {
    kind: engine.kind,
    ...(engine.hasPreemptible !== undefined && { hasPreemptible: engine.hasPreemptible }),
    submit: (job) => engine.submit(job),
    state: (name) => engine.state(name),
    logs: (name, maxBytes) => engine.logs(name, maxBytes),
    cancel: (name) => engine.cancel(name),
    forget: (name) => engine.forget(name),
    check: () => engine.check(),
  };
}

/** The API would compare every lifecycle with an offer of a wrong shape, so it is read here. */
function offerIn(
  engine: ComputeEngine,
  backend: InstalledComputeKind,
): Pick<ComputeEngine, 'offer'> {
  if (engine.offer === undefined) return {};
  const offer = async () => ({
    ...computeOfferSchema.parse(await engine.offer?.()),
    backend,
  });
  return { offer };
}

function wrong(entry: string, detail: string): Error {
  return wrongSettings([{ setting, detail: `"${entry}" ${detail}` }]);
}

/** What a module throws may be anything. */
function readFirstLine(thrown: unknown): string {
  const { message } = (thrown ?? {}) as { readonly message?: unknown };
  return (typeof message === 'string' ? message : String(thrown)).split('\n')[0] ?? '';
}

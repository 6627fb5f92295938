import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { openTrainerCatalog } from '../../../data/training/catalog';
import { formatPrice, type ComputePrice } from '../../../domain/cost/price';
import type { ComputeKind, EngineKind } from '../../../domain/training/job';
import { computeKinds, hasSeveralNodes, isInstalledKind } from '../../../domain/training/job';
import { nearestHint } from '../../../domain/document/nearest';
import type * as BackendChecks from './backend-check';
import type { BackendCheck } from './backend-check';
import { CliError } from '../cli-error';
import type { CliCompute, CliContext, CliSettings } from '../context';
import { showList } from '../list-view';
import type { Finish } from '../finish';
import type { Paint } from '../terminal';
import { jsonText } from '../harmless';

interface LocalBackendJson {
  readonly backend: 'local';
  readonly slots: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly python: { readonly path: string; readonly version: string | null };
  readonly trainers: readonly string[];
}

type BackendJson = (
  | LocalBackendJson
  | {
      readonly backend: EngineKind;
      readonly ready: boolean;
      readonly detail: string;
    }
) & {
  /** US dollars per hour; null without a price. */
  readonly price: ComputePrice | null;
};

interface ComputeContext extends CliContext {
  readonly compute: () => CliCompute;
}

export function computeCommands(program: Command, context: ComputeContext, finish: Finish): void {
  const { terminal, settings } = context;
  const compute = program.command('compute').description('Show and check compute backends');

  compute
    .command('list')
    .description(
      'List the backends that this machine is configured for; workers have their own settings',
    )
    .option('--json', 'Print as JSON')
    .action(async ({ json }: { readonly json?: true }) => {
      const compute = context.compute();
      const local: BackendJson = {
        backend: 'local',
        slots: compute.slots,
        ...machineNow(),
        python: await checkPython(settings),
        trainers: listTrainers(settings),
        price: compute.prices.local ?? null,
      };
      const engines = compute.kinds.map(async (backend): Promise<readonly BackendJson[]> => {
        const found = await compute.engine(backend);
        return backend === 'local' || found === null
          ? []
          : [{ backend, ...found, price: compute.prices[backend] ?? null }];
      });
      showList(terminal, {
        items: [local, ...(await Promise.all(engines)).flat()],
        json,
        columns: ['BACKEND', 'STATE', 'PRICE', 'RESOURCES'],
        row: (item) => {
          const [state, resources] = stateAndResources(item);
          return [item.backend, state, item.price ? formatPrice(item.price) : 'none', resources];
        },
        none: { what: 'no backends' },
      });
    });

  compute
    .command('check [backend]')
    .description(
      'Run a small real job and report its time and overhead; exit 1 and name the problem if it fails',
    )
    .option('--json', 'Print as JSON')
    .action(async (name: string | undefined, { json }: { readonly json?: true }) => {
      const { kinds: configured } = context.compute();
      const kinds = name === undefined ? configured : [backendNamed(name, configured)];
      // Only this command loads DuckDB; tsx resolves require, not import(), to TypeScript.
      // eslint-disable-next-line @typescript-eslint/no-require-imports
      const { checkBackend, checkTrainer } = require('./backend-check') as typeof BackendChecks;
      if (!listTrainers(settings).includes(checkTrainer))
        throw noTrainers(settings, `trainer ${checkTrainer}, which backend checks use,`);
      const checks: BackendCheck[] = [];
      for (const kind of kinds) {
        const check = await checkBackend(context.compute(), kind);
        checks.push(check);
        if (!json) terminal.out(describeCheck(check, terminal.outPaint));
      }
      if (json) terminal.out(jsonText(checks));
      finish(checks.every(({ ok }) => ok) ? 0 : 1);
    });
}

function stateAndResources(item: BackendJson): readonly [string, string] {
  if (item.backend !== 'local')
    return item.ready
      ? ['ready', item.detail + nodesText(item.backend)]
      : ['not ready', item.detail];
  const { slots, cpus, memoryBytes, python, trainers } = item;
  const interpreter =
    python.version === null
      ? `no Python at ${python.path}`
      : `Python ${python.version} (${python.path})`;
  return [
    python.version === null ? 'not ready' : 'ready',
    `${slots} jobs at once, ${cpus} CPUs, ${(memoryBytes / 2 ** 30).toFixed(1)} GiB, ` +
      `${interpreter}; trainers ${trainers.join(', ')}${nodesText('local')}`,
  ];
}

/** Backends with several nodes per job say themselves how many. */
function nodesText(backend: ComputeKind): string {
  return hasSeveralNodes(backend) ? '' : '; a job gets 1 node';
}

function backendNamed(name: string, configured: readonly ComputeKind[]): ComputeKind {
  const found = configured.find((kind) => kind === name);
  if (found !== undefined) return found;
  const here = configured.join(', ');
  if (computeKinds.some((kind) => kind === name))
    throw new CliError(
      `compute backend ${name} is not configured here; configured: ${here}`,
      2,
      `set PERENNIAL_${name.toUpperCase()}_${name === 'kubernetes' ? 'NAMESPACE' : 'URL'}, ` +
        'see docs/guides/engines.md',
    );
  if (isInstalledKind(name))
    throw new CliError(
      `compute backend ${name} is not installed here; available: ${here}`,
      2,
      'add its folder or package to PERENNIAL_COMPUTE_BACKENDS, see docs/guides/engines.md',
    );
  const hint = nearestHint(name, computeKinds);
  throw new CliError(
    `unknown compute backend ${name}; available: ${here}${hint}`,
    2,
    'perennial compute list',
  );
}

/**
 * The memory limit of a container. Without a limit it is 0 or more than the memory.
 */
function machineNow(): Pick<LocalBackendJson, 'cpus' | 'memoryBytes'> {
  const limit = process.constrainedMemory();
  return {
    cpus: availableParallelism(),
    memoryBytes: limit > 0 ? Math.min(limit, totalmem()) : totalmem(),
  };
}

/** A Python that cannot be started has no version. */
async function checkPython({ python }: CliSettings): Promise<LocalBackendJson['python']> {
  try {
    const { stdout } = await promisify(execFile)(python, ['--version'], { timeout: 10_000 });
    return { path: python, version: stdout.trim().replace(/^Python /, '') };
  } catch {
    return { path: python, version: null };
  }
}

function listTrainers(settings: CliSettings): readonly string[] {
  if (!existsSync(settings.trainersDir)) throw noTrainers(settings, 'the folder of trainers');
  return openTrainerCatalog(settings.trainersDir).names();
}

function noTrainers({ trainersDir }: CliSettings, what: string): CliError {
  return new CliError(
    `${what} not found in ${trainersDir}`,
    1,
    'set PERENNIAL_TRAINERS_DIR to the trainers/ folder of a clone',
  );
}

function describeCheck(check: BackendCheck, paint: Paint): string {
  if (!check.ok)
    return `${paint.red('failed')}  ${check.backend}  ${check.detail.replaceAll('\n', '\n    | ')}`;
  const { backend, trainer, rows, detail, readySeconds, seconds, processSeconds, overheadSeconds } =
    check;
  return [
    `${paint.green('ok')}  ${backend}  trained ${trainer} on ${rows} rows in ${inWords(seconds)}`,
    `    ${inWords(processSeconds)} in the job’s own process, ${inWords(overheadSeconds)} of overhead; worker start-up ${inWords(readySeconds)}, once per worker`,
    `    ${detail}${nodesText(backend)}`,
  ].join('\n');
}

function inWords(seconds: number): string {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(2)} s`;
}

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { openTrainerCatalog } from '../../../data/training/catalog';
import type { BuiltComputeKind } from '../../../domain/training/job';
import { builtComputeKinds, computeKinds } from '../../../domain/training/job';
import { nearestHint } from '../../../domain/document/nearest';
import type * as BackendChecks from './backend-check';
import type { BackendCheck } from './backend-check';
import { CliError } from '../cli-error';
import type { CliCompute, CliContext, CliSettings } from '../context';
import { showList } from '../list-view';
import type { Finish } from '../finish';
import type { Paint } from '../terminal';
import { jsonText } from '../harmless';

interface BackendJson {
  readonly backend: BuiltComputeKind;
  readonly slots: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly python: { readonly path: string; readonly version: string | null };
  readonly trainers: readonly string[];
}

interface ComputeContext extends CliContext {
  readonly compute: () => CliCompute;
}

export function computeCommands(program: Command, context: ComputeContext, finish: Finish): void {
  const { terminal, settings } = context;
  const compute = program.command('compute').description('Show and check compute backends');

  compute
    .command('list')
    .description(
      'List the backends of this machine; workers on other machines have their own settings',
    )
    .option('--json', 'Print as JSON')
    .action(async ({ json }: { readonly json?: true }) => {
      const machine = {
        ...machineNow(),
        python: await pythonOf(settings),
        trainers: trainersOf(settings),
      };
      const { slots } = context.compute();
      showList(terminal, {
        items: builtComputeKinds.map((backend): BackendJson => ({ backend, slots, ...machine })),
        json,
        columns: ['BACKEND', 'SLOTS', 'CPUS', 'MEMORY', 'PYTHON', 'TRAINERS'],
        row: ({ backend, cpus, memoryBytes, python, trainers }) => [
          backend,
          String(slots),
          String(cpus),
          `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`,
          python.version === null ? `none at ${python.path}` : `${python.version} (${python.path})`,
          trainers.join(', '),
        ],
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
      const kinds = name === undefined ? builtComputeKinds : [backendNamed(name)];
      // Only this command loads DuckDB; tsx resolves require, not import(), to TypeScript.
      // eslint-disable-next-line @typescript-eslint/no-require-imports
      const { checkBackend, checkTrainer } = require('./backend-check') as typeof BackendChecks;
      if (!trainersOf(settings).includes(checkTrainer))
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

function backendNamed(name: string): BuiltComputeKind {
  const built = builtComputeKinds.find((kind) => kind === name);
  if (built !== undefined) return built;
  const here = builtComputeKinds.join(', ');
  if (computeKinds.some((kind) => kind === name)) {
    throw new CliError(
      `compute backend ${name} is not available in this version; available: ${here}`,
      2,
      'perennial compute list',
    );
  }
  const hint = nearestHint(name, builtComputeKinds);
  throw new CliError(
    `unknown compute backend ${name}; available: ${here}${hint}`,
    2,
    'perennial compute list',
  );
}

/**
 * The memory limit of a container. Without a limit it is 0 or more than the memory.
 */
function machineNow(): Pick<BackendJson, 'cpus' | 'memoryBytes'> {
  const limit = process.constrainedMemory();
  return {
    cpus: availableParallelism(),
    memoryBytes: limit > 0 ? Math.min(limit, totalmem()) : totalmem(),
  };
}

/** A Python that cannot be started has no version. */
async function pythonOf({ python }: CliSettings): Promise<BackendJson['python']> {
  try {
    const { stdout } = await promisify(execFile)(python, ['--version'], { timeout: 10_000 });
    return { path: python, version: stdout.trim().replace(/^Python /, '') };
  } catch {
    return { path: python, version: null };
  }
}

function trainersOf(settings: CliSettings): readonly string[] {
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
    `    ${detail}`,
  ].join('\n');
}

function inWords(seconds: number): string {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(2)} s`;
}

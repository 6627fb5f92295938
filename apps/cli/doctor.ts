import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { request } from 'undici';
import { daysUntil, expiresSoon } from '../../domain/access/api-key';
import { ApiError } from '../client/api-error';
import type { CliContext } from './context';
import type { Finish } from './finish';
import { table } from './terminal';
import { jsonText } from './harmless';

interface PlatformPartLine {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly next: string | null;
}

const minFreeBytes = 2 * 2 ** 30;

export function doctorCommand(program: Command, context: CliContext, finish: Finish): void {
  const { terminal } = context;
  program
    .command('doctor')
    .description(
      'Check each part of the platform and print how to fix problems; exit 1 if there are any',
    )
    .option('--json', 'Print as JSON')
    .action(async (options: { readonly json?: true }) => {
      const parts = [
        await api(context),
        ...(await platform(context)),
        await gateway(context),
        await logs(context),
        disk(context),
      ].flat();
      const rows = parts.map(({ name, ok, detail }) => [
        ok ? terminal.outPaint.green('ok') : terminal.outPaint.red('wrong'),
        name,
        detail,
      ]);
      terminal.out(options.json ? jsonText(parts) : table(['', 'PART', 'DETAIL'], rows));
      const wrong = parts.filter(({ ok }) => !ok);
      for (const { name, next } of wrong)
        if (next !== null) terminal.say(`${terminal.paint.dim('next:')} ${name}: ${next}`);
      finish(wrong.length === 0 ? 0 : 1);
    });
}

async function api({ settings: { apiUrl } }: CliContext): Promise<PlatformPartLine> {
  if (apiUrl === null)
    return {
      name: 'api',
      ok: false,
      detail: 'not configured, and no API is running from this folder',
      next: 'perennial up, or set PERENNIAL_API_URL',
    };
  return ready('api', apiUrl, 'perennial up, or perennial api');
}

async function gateway({
  settings: { gatewayUrl },
}: CliContext): Promise<readonly PlatformPartLine[]> {
  return gatewayUrl === null
    ? []
    : [await ready('gateway address', gatewayUrl, 'perennial up, or perennial gateway')];
}

async function ready(name: string, url: string, next: string): Promise<PlatformPartLine> {
  try {
    const { statusCode, body } = await request(`${url}/readyz`, { headersTimeout: 5_000 });
    const text = await body.text();
    return {
      name,
      ok: statusCode === 200,
      detail:
        statusCode === 200
          ? `${url} is ready`
          : `${url} responded with ${statusCode}: ${text.slice(0, 200)}`,
      next,
    };
  } catch (error) {
    return {
      name,
      ok: false,
      detail: `${url} is not reachable (${error instanceof Error ? error.message : String(error)})`,
      next,
    };
  }
}

/** A key that expires soon is a problem, so that it is rotated in time. */
function keyPart({
  name,
  scope,
  expiresAt,
}: {
  readonly name: string;
  readonly scope: string;
  readonly expiresAt: string | null;
}): PlatformPartLine {
  const now = Date.now();
  const end =
    expiresAt === null ? '' : `, expires in ${daysUntil(expiresAt, now)} days, at ${expiresAt}`;
  const soon = expiresSoon(expiresAt, now);
  return {
    name: 'key',
    ok: !soon,
    detail: `${name}, scope ${scope}${end}`,
    next: soon ? 'ask an admin to rotate it: perennial key rotate <id>' : null,
  };
}

/** The parts that the API reaches. The request uses the key, so it checks the key too. */
async function platform(context: CliContext): Promise<readonly PlatformPartLine[]> {
  const { apiUrl, apiKey } = context.settings;
  if (apiUrl === null) return [];
  if (apiKey === null)
    return [{ name: 'key', ok: false, detail: 'not configured', next: 'set PERENNIAL_API_KEY' }];
  try {
    const { caller, parts } = await context.api().call('GET /platform');
    return [keyPart(caller), ...parts];
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return [{ name: 'key', ok: false, detail: error.message, next: error.next ?? null }];
  }
}

/**
 * Log lines that API and gateway could not write. A process that cannot be reached is reported by
 * its own part.
 */
async function logs({
  settings: { apiUrl, gatewayUrl },
}: CliContext): Promise<readonly PlatformPartLine[]> {
  const counts = await Promise.all(
    Object.entries({ api: apiUrl, gateway: gatewayUrl }).map(
      async ([process, url]) => [process, await droppedLines(url)] as const,
    ),
  );
  const known = counts.filter(([, lines]) => lines !== null);
  if (known.length === 0) return [];
  const detail = known.map(([process, lines]) => `${process} ${lines}`).join(', ');
  return [
    {
      name: 'logs',
      ok: known.every(([, lines]) => lines === 0),
      detail: `lines dropped since the start: ${detail}`,
      next: 'free space on the disk that receives the log; a restart sets the count to 0',
    },
  ];
}

async function droppedLines(url: string | null): Promise<number | null> {
  if (url === null) return null;
  try {
    const { statusCode, body } = await request(`${url}/metrics`, { headersTimeout: 5_000 });
    const text = await body.text();
    // Several gateway processes behind one address have a series each.
    const counts = [...text.matchAll(/^perennial_log_lines_dropped_total(?:\{.*\})? (\d+)$/gm)];
    if (statusCode !== 200 || counts.length === 0) return null;
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  } catch {
    return null;
  }
}

/** The folder of the state, even if it does not exist yet. */
function disk({ settings: { stateDir } }: CliContext): PlatformPartLine {
  let folder = stateDir;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const detail = `${(free / 2 ** 30).toFixed(1)} GiB free in ${folder}`;
  return {
    name: 'disk',
    ok: free >= minFreeBytes,
    detail,
    next: 'free some disk space; at least 2 GiB are needed',
  };
}

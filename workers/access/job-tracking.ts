/** Lets the programs of a job log to the tracking API without any setting. */
import type { JobTracking } from '../../activities/training/compute/tracking';
import type { CommandKeys } from '../../data/access/command-signature';
import { signJobToken } from '../../data/access/job-token';
import type { Registry } from '../../db/registry';
import type { RunId, Tenant } from '../../domain/ids';
import type { Logger } from '../log';

/** The end of a job is noticed some seconds later. */
const marginSeconds = 60;

export function openJobTracking(
  apiUrl: string | null,
  { runs }: Pick<Registry, 'runs'>,
  keys: CommandKeys,
  log: Pick<Logger, 'warn'>,
): JobTracking | null {
  if (apiUrl === null) return null;
  const url = new URL(apiUrl);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return {
    url: apiUrl,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number.parseInt(port, 10),
    async grantAccess({ tenant, runId, timeoutSeconds }) {
      const of = { tenant: tenant as Tenant, id: runId as RunId };
      const expiresAt = new Date(Date.now() + (timeoutSeconds + marginSeconds) * 1000);
      try {
        const run = await runs.get(of);
        if (run === null) throw new Error(`there is no run ${runId}`);
        const token = { tenant: of.tenant, runId: of.id, expiresAt: expiresAt.toISOString() };
        return { token: signJobToken(keys, token), experiment: run.lifecycle };
      } catch (error) {
        // Few jobs use MLflow, and the others need no token.
        log.warn({ err: error, runId }, 'a job starts without access to the tracking API');
        return null;
      }
    },
  };
}

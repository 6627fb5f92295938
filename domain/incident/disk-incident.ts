import { count } from '../format';
import type { DiskFailure } from '../serving/disk-failure';
import type { IncidentSeverity, IncidentStory } from './incident';

/** A failure of the disk of one gateway. */
export interface GatewayDiskFailure extends DiskFailure {
  readonly url: string;
}

/**
 * The story of one incident for all gateways, because the processes of a machine share its disk. It
 * is critical once predictions were lost.
 */
export function diskIncident(failures: readonly GatewayDiskFailure[]): {
  readonly severity: IncidentSeverity;
  readonly title: string;
  readonly story: IncidentStory;
} {
  const rowsInMemory = sum(failures.map((each) => each.rowsInMemory));
  const rowsLost = sum(failures.map((each) => each.rowsLost));
  const since = failures.map((each) => each.since).sort()[0] ?? null;
  const places = new Set(
    failures.map(({ folder, url }) => `${folder} on ${new URL(url).hostname}`),
  );
  const who = failures.length === 1 ? 'A gateway' : `${failures.length} gateways`;
  return {
    severity: rowsLost > 0 ? 'critical' : 'warning',
    title: `${who} cannot write predictions to disk`,
    story: {
      what: failures.map(describeDiskFailure).sort().join(' '),
      since,
      howLarge:
        `predictions lost: ${count(rowsLost)}; ` +
        `only in memory, so that a kill would lose them: ${count(rowsInMemory)}`,
      features: [],
      slice: null,
      dataVersion: null,
      engineDid:
        'Every request is answered, and PostgreSQL stores the predictions. While PostgreSQL is not ' +
        'reachable either, they wait in memory, and beyond a limit the oldest are lost.',
      waitsFor:
        `Free space on the disk of ${[...places].sort().join(' and of ')}. Or stop the gateway, move ` +
        'its state folder to another disk, and start it with that folder as PERENNIAL_STATE_DIR.',
    },
  };
}

function describeDiskFailure({ url, folder, error, isFailing }: GatewayDiskFailure): string {
  const verb = isFailing ? 'cannot write' : 'could not write for a time';
  return `The gateway ${url} ${verb} to ${folder}: ${error}.`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

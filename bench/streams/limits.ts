import { execFileSync } from 'node:child_process';

export interface Shares {
  readonly streams: number;
  readonly straight: number;
  readonly gateways: number;
  readonly clients: number;
}

/** Open files for registry, artifact store, modules and listeners. */
const reserve = 300;

/**
 * Open files that one process of each kind needs. Throws with the next step if the limit is lower,
 * instead of 7,000 refused connections later.
 */
export function checkFileLimit({ streams, straight, gateways, clients }: Shares): void {
  const needs = {
    'a gateway': 2 * Math.ceil(streams / gateways) + reserve,
    'an upstream': Math.ceil((streams + straight) / gateways) + reserve,
    'a client': Math.ceil((streams + straight) / clients) + reserve,
  };
  const allowed = hardLimit();
  for (const [who, files] of Object.entries(needs)) {
    if (files <= allowed) continue;
    throw new Error(
      `${streams} streams need ${files} open files in ${who}, and a process may have ${allowed} here: ` +
        `raise it (ulimit -Hn ${files} as root, or LimitNOFILE= of the service), or use more processes (--gateways ${Math.ceil((2 * streams) / (allowed - reserve))})`,
    );
  }
}

/** Node raises its own limit up to this one. */
function hardLimit(): number {
  const text = execFileSync('/bin/sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text);
}

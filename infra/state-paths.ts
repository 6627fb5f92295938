import { join } from 'node:path';

export interface StatePaths {
  /** Data of the servers. */
  readonly state: string;
  readonly log: string;
  /** Ports and processes of the running platform, and keys of this installation. */
  readonly run: string;
  readonly secrets: string;
  readonly lock: string;
  readonly processes: string;
  readonly ports: string;
  /** File from which clients on this machine read the addresses of API and gateway, and the key. */
  readonly client: string;
}

export function statePaths(stateDir: string): StatePaths {
  const run = join(stateDir, 'run');
  return {
    state: join(stateDir, 'state'),
    log: join(stateDir, 'log'),
    run,
    secrets: join(stateDir, 'secrets.json'),
    lock: join(run, 'supervisor.json'),
    processes: join(run, 'processes.json'),
    ports: join(run, 'ports.json'),
    client: join(run, 'client.json'),
  };
}

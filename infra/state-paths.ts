import { join } from 'node:path';

export interface StatePaths {
  /** What the servers keep. */
  readonly state: string;
  readonly log: string;
  /** Ports and processes of the platform that runs, and the keys of this installation. */
  readonly run: string;
  readonly secrets: string;
  readonly lock: string;
  readonly processes: string;
  readonly ports: string;
  /** Where clients on this machine find API, gateway and key. */
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

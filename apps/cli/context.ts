import type { ArtifactStore } from '../../data/artifact/store';
import type { BuiltComputeKind, ComputeBackend, JobHandle } from '../../domain/training/job';
import type { ApiClient } from './api-client';
import { createApiClient } from './api-client';
import { CliError } from './cli-error';
import type { Terminal } from './terminal';

/**
 * Where commands find their API; the composition root reads it from the environment or from what
 * `up` wrote.
 */
export interface CliSettings {
  readonly apiUrl: string | null;
  readonly gatewayUrl: string | null;
  readonly apiKey: string | null;
  /** The proxy before the embedded Temporal Web UI; absent where none runs from here. */
  readonly temporalUiUrl?: string;
  readonly cwd: string;
  /** Of the platform that `up` runs from here; it need not exist. */
  readonly stateDir: string;
  /** Of this clone: where trainers are made and tried. */
  readonly trainersDir: string;
  /** With the packages that trainers use. */
  readonly python: string;
  /** Where `sample://` tables are. */
  readonly samplesDir: string;
}

export interface CliContext {
  readonly terminal: Terminal;
  readonly settings: CliSettings;
  /** @throws CliError when no API is known. */
  api(): ApiClient;
  /** What the command's --reason says, once it is read. */
  giveReason(reason: string): void;
}

/**
 * The compute backends as this machine has them. Commands cannot import them: the composition root
 * hands them in.
 */
export interface CliCompute {
  /** Jobs at once, as it is set here. */
  readonly slots: number;
  /** A real one with all its state below `folder`: apart from the platform's, which may run. */
  open(kind: BuiltComputeKind, folder: string): TestedBackend;
}

/** Commands that need the private audit key of this machine, and the database. */
export interface CliAuditKeys {
  newKey(input: {
    readonly previous: string;
  }): Promise<{ readonly fingerprint: string; readonly place: string; readonly request: string }>;
  addKey(input: { readonly request: string; readonly reason: string }): Promise<AddedAuditKey>;
  /** `lost`: the key whose private half is gone, or true where only one is in use. */
  rotateKey(input: {
    readonly reason: string;
    readonly lost: string | true | undefined;
    readonly newKeyFile: string | undefined;
  }): Promise<AddedAuditKey & { readonly place: string; readonly isInPlace: boolean }>;
}

export interface AddedAuditKey {
  readonly keyId: string;
  readonly fingerprint: string;
  readonly fromBatch: number;
}

export interface TestedBackend {
  readonly port: ComputeBackend;
  /** Where it finds inputs and stores what jobs leave. */
  readonly artifacts: Pick<ArtifactStore, 'putFile'>;
  /** How long an ended job's own process lived. */
  processSeconds(handle: JobHandle): number | null;
}

export function createContext(terminal: Terminal, settings: CliSettings): CliContext {
  let reason: string | undefined;
  return {
    terminal,
    settings,
    giveReason: (given) => {
      reason = given;
    },
    api: () => {
      const { apiUrl, apiKey } = settings;
      if (apiUrl === null || apiKey === null) {
        throw new CliError(
          'no API is configured: none is running in this folder, and PERENNIAL_API_URL and PERENNIAL_API_KEY are not set',
          1,
          'perennial up',
        );
      }
      return createApiClient({ apiUrl, apiKey, reason });
    },
  };
}

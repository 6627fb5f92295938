import type { ArtifactStore } from '../../data/artifact/store';
import type { ComputePrices } from '../../domain/cost/price';
import type { ComputeKind, ComputeBackend, JobHandle } from '../../domain/training/job';
import type { ApiClient } from '../client/api-client';
import { createApiClient } from '../client/api-client';
import { CliError } from './cli-error';
import type { Terminal } from './terminal';

/**
 * The API of the commands. The composition root reads it from the environment or from the file that
 * `up` wrote.
 */
export interface CliSettings {
  readonly apiUrl: string | null;
  readonly gatewayUrl: string | null;
  readonly apiKey: string | null;
  /** The proxy of the embedded Temporal Web UI; absent if none runs from this folder. */
  readonly temporalUiUrl?: string;
  readonly cwd: string;
  /** The state folder of the platform that `up` runs from this folder; it need not exist. */
  readonly stateDir: string;
  /** The trainers of this clone. */
  readonly trainersDir: string;
  /** The Python with the packages of the trainers. */
  readonly python: string;
  /** The Python with PyTorch, which may not be installed. */
  readonly pythonLlm: string;
  /** Makes the Python environments of trainers with own requirements. */
  readonly uv?: { readonly program?: string; readonly variables: Readonly<Record<string, string>> };
  /** The folder of the `sample://` tables. */
  readonly samplesDir: string;
}

export interface CliContext {
  readonly terminal: Terminal;
  readonly settings: CliSettings;
  /** @throws CliError when no API is known. */
  api(): ApiClient;
  /** The value of --reason, once it is parsed. */
  giveReason(reason: string): void;
}

/**
 * The compute backends of this machine. Commands cannot import them, so the composition root passes
 * them in.
 */
export interface CliCompute {
  /** The configured number of concurrent jobs. */
  readonly slots: number;
  /** `local`, and the engines that the settings of this machine name. */
  readonly kinds: readonly ComputeKind[];
  readonly prices: ComputePrices;
  /** Whether an engine can take jobs, and its nodes and resources. Null for `local`. */
  engine(kind: ComputeKind): Promise<{ readonly ready: boolean; readonly detail: string }> | null;
  /**
   * A real backend, separate from a running platform: its state is below `folder`, or in a place of
   * its own in the artifact store, which `close` removes.
   * @throws InvalidInput without the settings of the artifact store, which engines need
   */
  open(kind: ComputeKind, folder: string): TestedBackend;
}

/** Commands that need the private audit key of this machine, and the database. */
export interface CliAuditKeys {
  newKey(input: {
    readonly previous: string;
  }): Promise<{ readonly fingerprint: string; readonly place: string; readonly request: string }>;
  addKey(input: { readonly request: string; readonly reason: string }): Promise<AddedAuditKey>;
  /** `lost`: the key whose private part is lost, or true if only one is in use. */
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
  /** The store of its inputs and of the outputs of jobs. */
  readonly artifacts: Pick<ArtifactStore, 'putFile'>;
  /** How long the process of an ended job ran. */
  processSeconds(handle: JobHandle): Promise<number | null>;
  close(): Promise<void>;
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
      if (apiUrl === null)
        throw new CliError(
          'no API is configured: none is running in this folder, and PERENNIAL_API_URL is not set',
          1,
          'perennial up',
        );
      if (apiKey === null) throw missingKey(apiUrl);
      return createApiClient({ apiUrl, apiKey, reason });
    },
  };
}

/** The address is known, but not a key for it. */
export function missingKey(address: string): CliError {
  return new CliError(`no API key for ${address} is configured`, 1, 'set PERENNIAL_API_KEY');
}

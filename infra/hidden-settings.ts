/**
 * Passes secret settings to a child by an open file instead of its environment. Other processes of
 * the same user can read `/proc/<pid>/environ` as long as the child lives.
 */
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Environment variable with the descriptor of the open file. */
const settingsDescriptor = 'PERENNIAL_SETTINGS_DESCRIPTOR';

export interface PassedEnvironment {
  /** Settings that are not secret. */
  readonly env: NodeJS.ProcessEnv;
  /** Descriptor 3 of the child. */
  readonly descriptor: number;
  close(): void;
}

const secretName = /KEY|SECRET|TOKEN|PASSW|CREDENTIAL|DATABASE_(OWNER_)?URL/i;

export function passEnvironment(environment: NodeJS.ProcessEnv): PassedEnvironment {
  const listed = (environment['PERENNIAL_SECRET_ENV'] ?? '').split(',').map((name) => name.trim());
  const isSecret = (name: string): boolean =>
    (secretName.test(name) && !/_(PATH|FILE|DIR|ENV)$/.test(name)) || listed.includes(name);
  const entries = Object.entries(environment);
  const hidden = Object.fromEntries(entries.filter(([name]) => isSecret(name)));
  const env = Object.fromEntries(entries.filter(([name]) => !isSecret(name)));
  const descriptor = openUnnamed(JSON.stringify(hidden));
  return {
    env: { ...env, [settingsDescriptor]: '3' },
    descriptor,
    close: () => closeSync(descriptor),
  };
}

/**
 * As `passEnvironment`, for a child that also gets this process's environment: the secret settings
 * there are undefined, which leaves them out.
 */
export function passOnlyHidden(environment: NodeJS.ProcessEnv): PassedEnvironment {
  const passed = passEnvironment(environment);
  const left = Object.keys(environment).filter((name) => !(name in passed.env));
  return {
    ...passed,
    env: { ...passed.env, ...Object.fromEntries(left.map((name) => [name, undefined])) },
  };
}

/**
 * Adds the settings that a supervisor passed by an open file to this process's environment. Other
 * processes cannot see additions there.
 */
export function readHiddenSettings(environment: NodeJS.ProcessEnv): void {
  const descriptor = environment[settingsDescriptor];
  if (descriptor === undefined) return;
  Reflect.deleteProperty(environment, settingsDescriptor);
  const number = Number.parseInt(descriptor, 10);
  Object.assign(environment, JSON.parse(readFileSync(number, 'utf8')));
  closeSync(number);
}

/** Opens a file that is already deleted, for reading from its start. */
function openUnnamed(text: string): number {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-settings-'));
  const path = join(folder, 'settings.json');
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
    return openSync(path, 'r');
  } finally {
    unlinkSync(path);
    rmdirSync(folder);
  }
}

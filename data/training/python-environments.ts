/** Python environments of projects and trainers: locked and built by uv, once per machine. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { failure } from '../../domain/failure';
import { sha256 } from '../digest';
import { shareConcurrentCalls } from '../share-in-flight';

export interface PythonEnvironmentSettings {
  /** The platform's Python, on which the environments are based. */
  readonly python: string;
  /** The program; the provisioned one beside `python` by default. */
  readonly uv?: string | undefined;
  readonly runtimeDir: string;
  /** Where environments are kept. */
  readonly folder: string;
  /** Settings of uv, such as its index; see `uvVariables`. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

export interface RequirementsFile {
  /** For messages: `requirements.txt` or `pyproject.toml`. */
  readonly file: string;
  readonly text: string;
  /**
   * Who needs it. Steps always get pyarrow; trainers get the packages of all trainers. A conversion
   * gets those of the job's runtime in any version, because an old model needs old packages.
   */
  readonly user: 'step' | 'trainer' | 'conversion';
}

export interface PythonEnvironments {
  readonly folder: string;
  /**
   * Locks requirements to versions with hashes. The same requirements give the same lock again.
   * @throws InvalidInput with file, line and uv's reason, BackendUnavailable if the package index
   * does not respond.
   */
  lock(requirements: RequirementsFile): Promise<string>;
  /** Builds the environment of a lock unless it exists. Returns its Python. */
  ensure(lock: string): Promise<string>;
}

const answerSchema = z.union([
  z.strictObject({ lock: z.string() }),
  z.strictObject({ python: z.string() }),
  z.strictObject({ invalid: z.string() }),
  z.strictObject({ unavailable: z.string() }),
]);

/** Of a machine with this state folder. Compute worker and builds share the environments. */
export function environmentsFolder(stateDir: string): string {
  return join(stateDir, 'environments');
}

/** What tables of steps need. */
const stepPackages = ['pyarrow>=21'];
/** What trainers/runtime imports. */
const runtimePackages = ['jsonschema', 'numpy', 'onnx', 'onnxruntime', 'pyarrow', 'pyyaml'];

export function openPythonEnvironments(settings: PythonEnvironmentSettings): PythonEnvironments {
  const { folder } = settings;
  const uv = settings.uv ?? join(dirname(dirname(dirname(settings.python))), 'bin', 'uv');
  const trainers = dirname(settings.runtimeDir);
  const busy = new Map<string, Promise<string>>();

  async function ask(command: 'lock' | 'build', order: object): Promise<string> {
    const answer = await run(settings, command, JSON.stringify({ uv, folder, ...order }));
    if ('lock' in answer) return answer.lock;
    if ('python' in answer) return answer.python;
    if ('invalid' in answer)
      throw failure('InvalidInput', answer.invalid, {
        next: 'Correct the requirements and try again',
      });
    throw failure('BackendUnavailable', answer.unavailable, {
      next: `Check the network and ${uv}; \`node bin/provision.mjs\` installs uv`,
    });
  }

  return {
    folder,
    lock({ file, text, user }) {
      const more = {
        step: () => stepPackages,
        conversion: () => runtimePackages,
        trainer: () =>
          readFileSync(join(trainers, 'requirements.txt'), 'utf8')
            .split('\n')
            .filter((line) => line !== '' && !line.startsWith('#')),
      }[user]();
      const preferred = readFileSync(join(trainers, 'requirements.lock'), 'utf8');
      return ask('lock', { file, text, more, preferred });
    },
    ensure: (lock) => shareConcurrentCalls(busy, sha256(lock), () => ask('build', { lock })),
  };
}

/** The variables of a process that uv uses to reach its index. */
export function uvVariables(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const used = /^(UV_\w+|SSL_CERT_(FILE|DIR)|NETRC|(HTTPS?|ALL|NO)_PROXY)$/i;
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      used.test(name) && value !== undefined ? [[name, value]] : [],
    ),
  );
}

function run(
  { python, runtimeDir, folder, variables }: PythonEnvironmentSettings,
  command: string,
  order: string,
): Promise<z.infer<typeof answerSchema>> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, ['-I', join(runtimeDir, 'environment', 'build.py'), command], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        HOME: folder,
        LANG: 'C.UTF-8',
        // Beside the environments, so that uv links files instead of copying them.
        UV_CACHE_DIR: `${folder}-cache`,
        ...variables,
      },
    });
    let [out, complaints] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString().slice(-4_000)));
    child.stdin.on('error', () => undefined); // `close` reports the reason
    child.stdin.end(order);
    const failAsGone = (detail: string, cause?: unknown) =>
      failure('BackendUnavailable', `cannot prepare a Python environment: ${detail}`, { cause });
    child.on('error', (cause) => reject(failAsGone(`${python} does not run`, cause)));
    child.on('close', (code, signal) => {
      const answer = parseAnswer(out);
      if (answer) resolve(answer);
      else
        reject(failAsGone(`${signal ?? `exit code ${code}`}: ${complaints.trim().slice(-1_000)}`));
    });
  });
}

function parseAnswer(text: string): z.infer<typeof answerSchema> | null {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

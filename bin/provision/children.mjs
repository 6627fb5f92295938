/**
 * Runs the programs of provisioning. Their output is kept for errors, and they end with this
 * process, even after SIGKILL.
 */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const watchScript = join(
  dirname(fileURLToPath(import.meta.url)),
  '..',
  '..',
  'infra',
  'death-watch.sh',
);
const running = new Set();
let watch = null;

/** An error with its next step. */
export class ProvisionError extends Error {
  constructor(message, next) {
    super(message);
    this.next = next;
  }
}

/**
 * Runs a program to its end and returns its stdout.
 * @throws ProvisionError with the relevant lines of the output
 */
export async function run(title, command, args, options = {}) {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let [stdout, output] = ['', ''];
  child.stdout.on('data', (chunk) => ((stdout += chunk), (output = tail(output + chunk))));
  child.stderr.on('data', (chunk) => (output = tail(output + chunk)));
  const exit = await new Promise((resolve) => {
    child.once('error', (error) => resolve({ error }));
    child.once('spawn', () => {
      running.add(child.pid);
      tellWatch(`add ${child.pid} TERM`);
    });
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  if (running.delete(child.pid)) tellWatch(`drop ${child.pid}`);
  if (exit.code === 0) return stdout;
  const what =
    exit.error?.message ??
    (exit.signal ? `ended by signal ${exit.signal}` : `ended with exit code ${exit.code}`);
  throw new ProvisionError(`${title}: ${what}${quote(output)}`, nextStep(output) ?? options.next);
}

export function endChildren() {
  for (const pid of running) {
    try {
      process.kill(-pid, 'SIGTERM');
    } catch {
      // it ended by itself in the meantime
    }
  }
}

/** Ends the death watch when all programs have ended. */
export async function closeWatch() {
  if (watch === null) return;
  const gone = new Promise((resolve) => watch.once('exit', resolve).once('error', resolve));
  watch.ref();
  watch.stdin.end('done\n');
  await gone;
  watch = null;
}

function tellWatch(line) {
  if (watch === null) {
    watch = spawn('/bin/sh', [watchScript], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
    });
    watch.on('error', () => undefined);
    watch.stdin.on('error', () => undefined);
    watch.unref();
    watch.stdin.unref();
  }
  if (watch.stdin.writable) watch.stdin.write(`${line}\n`);
}

function tail(text) {
  return text.length > 16_384 ? text.slice(-16_384) : text;
}

/** The last non-empty lines, indented. */
function quote(output) {
  const lines = output
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^npm (error|ERR!) (A complete log|\s)/.test(line));
  return lines.length === 0
    ? ''
    : `\n${lines
        .slice(-12)
        .map((line) => `    ${line.slice(0, 300)}`)
        .join('\n')}`;
}

function nextStep(output) {
  if (/ENOSPC|No space left on device/i.test(output))
    return 'Free disk space (about 3 GB are needed in total) and start again';
  if (/DO NOT MATCH THE HASHES/i.test(output))
    return 'The download does not match its pinned hash: check the package mirror (pip config list, npm config get registry)';
  if (
    /\bENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|getaddrinfo|Name or service not known|Temporary failure in name resolution|ConnectTimeout|Connection refused|SSLError|CERTIFICATE|self.signed/i.test(
      output,
    )
  )
    return 'The package registry is not reachable: check network, proxy (HTTPS_PROXY) and certificates, then start again; finished steps are kept';
  if (/No matching distribution found|is not a supported wheel/i.test(output))
    return 'The package registry is not reachable (check network, proxy and `pip config list`) or has no build for this machine';
  return undefined;
}

/**
 * The programs that provisioning runs: their output is kept for errors, and they end when we end,
 * kill -9 included.
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

/** A failure that is told as it is: what went wrong, and the next thing to try. */
export class ProvisionError extends Error {
  constructor(message, next) {
    super(message);
    this.next = next;
  }
}

/**
 * Runs to the end and answers with stdout; throws ProvisionError with the telling lines of the
 * output otherwise.
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
    (exit.signal ? `it was ended by ${exit.signal}` : `it ended with code ${exit.code}`);
  throw new ProvisionError(`${title}: ${what}${quote(output)}`, nextStep(output) ?? options.next);
}

export function endChildren() {
  for (const pid of running) {
    try {
      process.kill(-pid, 'SIGTERM');
    } catch {
      // ended by itself in this moment
    }
  }
}

/** Lets the watch go when all is done. */
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

/** The last lines that say something, indented. */
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
    return 'Free some disk space (about 3 GB are needed in all) and start again';
  if (/DO NOT MATCH THE HASHES/i.test(output))
    return 'What was downloaded is not what is pinned: check the package mirror in use (pip config list, npm config get registry)';
  if (
    /\bENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|getaddrinfo|Name or service not known|Temporary failure in name resolution|ConnectTimeout|Connection refused|SSLError|CERTIFICATE|self.signed/i.test(
      output,
    )
  )
    return 'The package registry could not be reached: check the network, proxy (HTTPS_PROXY) and certificates, then start again; what was done is kept';
  if (/No matching distribution found|is not a supported wheel/i.test(output))
    return 'Either the package registry could not be reached (check network, proxy and `pip config list`), or it has no build for this machine';
  return undefined;
}

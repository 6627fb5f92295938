/**
 * npm passes Ctrl-C on, but nobody passes on a kill -9 of npm: its child then gets another parent,
 * from one moment to the next.
 */
import { readFileSync } from 'node:fs';

export function endWithNpm() {
  if (process.env.npm_command === undefined) return;
  const before = lineage();
  setInterval(() => {
    if (lineage() !== before) process.kill(process.pid, 'SIGTERM');
  }, 1000).unref();
}

/**
 * Our parent, and its parent when it is the shell that npm puts in between. Further up is the
 * user's terminal, which may go.
 */
function lineage() {
  const shell = /^(\d+) \((?:sh|dash|bash|ash)\) \S (\d+)/.exec(statOf(process.ppid));
  return shell === null ? `${process.ppid}` : `${shell[1]} ${shell[2]}`;
}

/** Linux only; elsewhere only a direct child of npm notices. */
function statOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}

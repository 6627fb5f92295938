/**
 * Ends this process when npm is killed with SIGKILL, which npm cannot pass on. The parent of this
 * process changes then.
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
 * The parent, and its parent if the parent is npm's shell. Processes above are the user's terminal,
 * which may end independently.
 */
function lineage() {
  const shell = /^(\d+) \((?:sh|dash|bash|ash)\) \S (\d+)/.exec(statOf(process.ppid));
  return shell === null ? `${process.ppid}` : `${shell[1]} ${shell[2]}`;
}

/** Linux only. Elsewhere only a direct child of npm detects its end. */
function statOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * One provisioning at a time. The holder touches its lock every second, so a lock that has gone
 * quiet belongs to nobody, whatever became of its owner.
 */
import { closeSync, mkdirSync, openSync, rmSync, statSync, utimesSync } from 'node:fs';
import { dirname } from 'node:path';

const quietMilliseconds = 5_000;

/** Waits for its turn. Returns the release. */
export async function takeLock(path, onWait) {
  mkdirSync(dirname(path), { recursive: true });
  for (let waited = false; !create(path);) {
    if (isQuiet(path)) {
      rmSync(path, { force: true });
      continue;
    }
    if (!waited) onWait();
    waited = true;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  const timer = setInterval(() => touch(path), 1000);
  timer.unref();
  return () => {
    clearInterval(timer);
    rmSync(path, { force: true });
  };
}

function create(path) {
  try {
    closeSync(openSync(path, 'wx'));
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isQuiet(path) {
  try {
    return Date.now() - statSync(path).mtimeMs > quietMilliseconds;
  } catch {
    return false; // released in this moment
  }
}

function touch(path) {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // the folder was removed under us: nothing to hold any more
  }
}

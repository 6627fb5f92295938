/**
 * Lock for one provisioning at a time. Its holder touches it every second, so a lock that is not
 * touched any more is free.
 */
import { closeSync, mkdirSync, openSync, rmSync, statSync, utimesSync } from 'node:fs';
import { dirname } from 'node:path';

const quietMilliseconds = 5_000;

/** Waits for the lock and returns its release. */
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
    return false; // released in the meantime
  }
}

function touch(path) {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // the folder was removed, so there is no lock to hold
  }
}

/**
 * A stamp records that a step was completed for its inputs. It is written last, so an interrupted
 * step has none.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export function digestOf(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}

export function digestOfFile(path) {
  return digestOf(readFileSync(path));
}

export function isStamped(path, digest) {
  return existsSync(path) && readFileSync(path, 'utf8').trim() === digest;
}

export function stamp(path, digest) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, `${digest}\n`);
  renameSync(`${path}.${process.pid}`, path);
}

export function unstamp(path) {
  rmSync(path, { force: true });
}

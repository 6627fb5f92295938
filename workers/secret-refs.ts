import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { failure } from '../domain/failure';
import type { SecretRef } from '../domain/lifecycle';
import type { Environment } from './config';

/** More is no secret but a mistake, or a device that never ends. */
const maxBytes = 65_536;

/** Reads a secret where it is needed and when it is needed, so that one that was changed is found. Its value stays with the caller (I11). */
export function secretResolver(environment: Environment): (ref: SecretRef) => Promise<string> {
  return async (ref) => {
    if ('file' in ref) return readSecret(ref.file);
    const value = environment[ref.env] ?? '';
    if (value !== '') return value;
    throw failure('InvalidInput', `this worker has no variable ${ref.env}`, { next: `start the worker with ${ref.env} set` });
  };
}

async function readSecret(path: string): Promise<string> {
  // Without O_NONBLOCK, opening a pipe waits for somebody who writes.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw failure('InvalidInput', `the secret's file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  try {
    const found = await file.stat();
    if (!found.isFile() || found.size > maxBytes) throw failure('InvalidInput', `the secret's file ${path} is no file of at most 64 KiB`);
    const value = (await file.readFile('utf8')).trim();
    if (value === '') throw failure('InvalidInput', `the secret's file ${path} is empty`);
    return value;
  } finally {
    await file.close();
  }
}

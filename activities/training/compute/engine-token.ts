import { readFile } from 'node:fs/promises';
import { failure } from '../../../domain/failure';

/** A secret of an engine. It is read for each request, so that a renewed one takes effect. */
export type EngineToken = { readonly file: string } | (() => Promise<string>);

/** @throws BackendUnavailable if its file cannot be read */
export async function readToken(token: EngineToken, engine: string): Promise<string> {
  if (typeof token === 'function') return token();
  try {
    return (await readFile(token.file, 'utf8')).trim();
  } catch (error) {
    throw failure('BackendUnavailable', `cannot read the token for ${engine}`, {
      cause: error,
      next: `Write a token to ${token.file} and make it readable for the worker`,
    });
  }
}

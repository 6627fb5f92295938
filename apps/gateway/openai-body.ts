import type { z } from 'zod';
import { failure, type Issue } from '../../domain/failure';

/** The number of unknown keys that an error names. */
const maxKeys = 20;

/** The errors in a body of the OpenAI API, with their paths. */
export function bodyIssues(issue: z.core.$ZodIssue): readonly Issue[] {
  const pointer = issue.path.map((key) => `/${String(key)}`).join('');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, maxKeys).map((key) => ({
      pointer: `${pointer}/${key.slice(0, 60)}`,
      detail: `\`${key.slice(0, 60)}\` is not supported in this version`,
    }));
  }
  const name = pointer === '' ? 'the body' : pointer.slice(1).replaceAll('/', '.');
  return [{ pointer, detail: `${name}: ${issue.message}` }];
}

export function invalidBody(issues: readonly Issue[]): Error {
  const said = issues.map(({ detail }) => detail).slice(0, 5);
  return failure('InvalidInput', said.join('; '), { issues: issues.slice(0, 20) });
}

import { CliError } from '../cli-error';
import type { CliContext } from '../context';

/** `name`, `name@3` or `name@previous`. The version is null if none was given. */
export async function parseModelRef(
  given: string,
  context: CliContext,
): Promise<{ readonly name: string; readonly version: number | null }> {
  const [name = '', ref, ...more] = given.split('@');
  if (name === '' || ref === '' || more.length > 0)
    throw new CliError(`${given} is not a model: expected name, name@version or name@alias`, 2);
  if (ref === undefined) return { name, version: null };
  if (/^[1-9]\d{0,8}$/.test(ref)) return { name, version: Number(ref) };
  const { aliases } = await context.api().call('GET /models/{model}', { path: { model: name } });
  const alias = (aliases as Readonly<Record<string, { readonly version: number } | null>>)[ref];
  if (alias) return { name, version: alias.version };
  const known = Object.keys(aliases).join(', ');
  throw new CliError(
    alias === null
      ? `${name} currently has no ${ref}`
      : `${name} has no alias ${ref}; known aliases: ${known}`,
    1,
    `perennial model show ${name}`,
  );
}

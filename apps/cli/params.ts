import { CliError } from './cli-error';

/** `--param name=value`. The value is JSON, or text if it is not valid JSON. */
export function parseParams(given: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(given.map(parameter));
}

function parameter(text: string): readonly [string, unknown] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new CliError(`--param ${text}: write name=value`, 2);
  const value = text.slice(equals + 1);
  try {
    return [text.slice(0, equals), JSON.parse(value) as unknown];
  } catch {
    return [text.slice(0, equals), value];
  }
}

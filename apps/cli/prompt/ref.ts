import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { formatIssue } from '../../../domain/document/issue-text';
import { readPrompt } from '../../../domain/prompt/document';
import { textOfFile } from '../language/cases-file';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';

/**
 * `name[@ref]` unchanged. A file is first written to the registry, so that its measurements name a
 * version.
 */
export async function resolvePromptRef(
  given: string,
  context: CliContext,
  reason: string,
): Promise<{ readonly name: string; readonly ref: string }> {
  const { cwd } = context.settings;
  const path = resolve(cwd, given);
  if (!existsSync(path) || !statSync(path).isFile()) {
    const [name = '', ref = 'main'] = given.split('@');
    return { name, ref };
  }
  const document = textOfFile(given, cwd);
  const read = readPrompt(document, given);
  if (!read.ok)
    throw new CliError(
      `${given} has errors\n${read.issues.map((issue) => `  ${formatIssue(issue)}`).join('\n')}`,
      2,
    );
  const { name } = read.value;
  const headers = { 'idempotency-key': randomUUID() };
  const body = { document, fileName: given, reason };
  const { version } = await context
    .api()
    .call('PUT /prompts/{prompt}', { path: { prompt: name }, headers, body });
  return { name, ref: String(version) };
}

import type { Command } from 'commander';
import { request } from 'undici';
import { CliError } from './cli-error';
import type { CliContext } from './context';

export function uiCommand(program: Command, context: CliContext): void {
  program
    .command('ui')
    .description(
      'Print a one-time link to the Temporal Web UI of this machine, valid for twelve hours',
    )
    .action(async () => context.terminal.out(await uiLink(context)));
}

/** The proxy in front of the Web UI creates a link only for the platform's own key. */
async function uiLink({ settings: { temporalUiUrl, apiKey } }: CliContext): Promise<string> {
  if (temporalUiUrl === undefined || apiKey === null)
    throw new CliError(
      'no platform with an embedded Temporal Web UI is running from this folder',
      1,
      'npx perennial up',
    );
  const headers = { authorization: `Bearer ${apiKey}` };
  const { statusCode, body } = await request(`${temporalUiUrl}/perennial-session`, {
    method: 'POST',
    headers,
    headersTimeout: 5_000,
  });
  const text = await body.text();
  if (statusCode === 200) return (JSON.parse(text) as { readonly url: string }).url;
  const next = 'unset PERENNIAL_API_KEY; the link needs the key in run/client.json';
  throw new CliError(`the Web UI at ${temporalUiUrl} refused the request: ${text.trim()}`, 1, next);
}

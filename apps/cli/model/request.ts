import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import type { ColumnType } from '../../../domain/dataset/dataset';
import { CliError } from '../cli-error';
import type { CliSettings } from '../context';

/** The URL of a gateway and the key for it. */
export interface KnownGateway {
  readonly gatewayUrl: string;
  readonly apiKey: string;
}

export interface ModelInput {
  readonly name: string;
  readonly parameters?: { readonly type?: ColumnType };
}

export interface InferAnswer {
  readonly detail?: string;
  readonly next?: string;
  readonly errors?: readonly { readonly detail: string }[];
  readonly outputs?: readonly {
    readonly name: string;
    readonly shape?: readonly number[];
    readonly data: readonly unknown[];
  }[];
}

/**
 * The columns that a request needs. Null if the gateway is unreachable or does not serve the model.
 */
export async function modelInputs(
  gateway: KnownGateway,
  model: string,
): Promise<readonly ModelInput[] | null> {
  const metadata = await modelMetadata(gateway, model);
  return metadata === null ? null : (metadata.inputs ?? []);
}

/**
 * The classes of a multiclass model in the order of its probabilities. Null for other models, and
 * if the gateway does not serve it.
 */
export async function modelClasses(
  gateway: KnownGateway,
  model: string,
): Promise<readonly string[] | null> {
  const outputs = (await modelMetadata(gateway, model))?.outputs ?? [];
  return outputs.find(({ name }) => name === 'probabilities')?.parameters?.classes ?? null;
}

interface ModelMetadata {
  readonly inputs?: readonly ModelInput[];
  readonly outputs?: readonly {
    readonly name: string;
    readonly parameters?: { readonly classes?: readonly string[] };
  }[];
}

async function modelMetadata(
  { gatewayUrl, apiKey }: KnownGateway,
  model: string,
): Promise<ModelMetadata | null> {
  try {
    const headers = { authorization: `Bearer ${apiKey}` };
    const answer = await request(`${gatewayUrl}/v2/models/${encodeURIComponent(model)}`, {
      headers,
      headersTimeout: 5_000,
    });
    const body = (await answer.body.json()) as ModelMetadata;
    return answer.statusCode === 200 ? body : null;
  } catch {
    return null;
  }
}

/** Sends rows as plain JSON objects. @throws CliError with the gateway's message and advice. */
export async function predictRows(
  { gatewayUrl, apiKey }: KnownGateway,
  model: string,
  rows: readonly Readonly<Record<string, unknown>>[],
): Promise<{ readonly answer: InferAnswer; readonly version: string }> {
  const url = `${gatewayUrl}/v2/models/${encodeURIComponent(model)}/infer`;
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const sent = await request(url, {
    method: 'POST',
    headers,
    body: JSON.stringify({ rows }),
  }).catch((error: unknown) => {
    const cause = error instanceof Error ? error.message : String(error);
    throw new CliError(
      `the gateway at ${gatewayUrl} is not reachable (${cause})`,
      1,
      'perennial up, or perennial gateway',
    );
  });
  const text = await sent.body.text();
  const answer = parseAnswer(text);
  if (sent.statusCode === 200)
    return { answer, version: String(sent.headers['x-perennial-model-version'] ?? model) };
  const detail = answer.detail ?? `the gateway responded with ${sent.statusCode}`;
  const errors = (answer.errors ?? [])
    .filter((each) => !detail.includes(each.detail))
    .map((each) => `  ${each.detail}`);
  const isInput = sent.statusCode === 400 || sent.statusCode === 422;
  throw new CliError(
    [detail, ...errors].join('\n'),
    isInput ? 2 : 1,
    answer.next ?? `perennial model show ${model}`,
  );
}

/**
 * A request to copy, with a row of the right types. It reads the key from a file or a variable, so
 * that the key is not printed.
 */
export function formatCurl(
  model: string,
  inputs: readonly ModelInput[],
  { gatewayUrl, key }: { readonly gatewayUrl: string; readonly key: string },
) {
  return curl(`${gatewayUrl}/v2/models/${model}/infer`, key, { rows: [exampleRow(inputs)] });
}

export function formatChatCurl(
  model: string,
  { gatewayUrl, key }: { readonly gatewayUrl: string; readonly key: string },
) {
  return curl(`${gatewayUrl}/v1/chat/completions`, key, {
    model,
    messages: [{ role: 'user', content: 'a question' }],
  });
}

function curl(url: string, key: string, body: unknown): string {
  const text = JSON.stringify(body).replaceAll("'", "'\\''");
  return [
    `curl -s ${url} \\`,
    `  -H "authorization: Bearer ${key}" -H 'content-type: application/json' \\`,
    `  -d '${text}'`,
  ].join('\n');
}

export function exampleRow(inputs: readonly ModelInput[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    inputs.map(({ name, parameters }) => [name, examples[parameters?.type ?? 'string']]),
  );
}

const examples: Readonly<Record<ColumnType, unknown>> = {
  string: 'text',
  integer: 1,
  number: 1.5,
  boolean: true,
  timestamp: '2026-01-31T09:00:00Z',
};

/** A shell expression for the key of this command. */
export function keyWords({ stateDir, apiKey }: Pick<CliSettings, 'stateDir' | 'apiKey'>): string {
  const file = join(stateDir, 'run', 'client.json');
  const known = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { readonly apiKey?: string }).apiKey
    : undefined;
  return known !== undefined && known === apiKey
    ? `$(node -p "require('${file}').apiKey")`
    : '$PERENNIAL_API_KEY';
}

function parseAnswer(text: string): InferAnswer {
  try {
    return JSON.parse(text) as InferAnswer;
  } catch {
    // The response is not from a gateway, but perhaps from a proxy.
    return {};
  }
}

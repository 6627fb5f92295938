import { join, resolve } from 'node:path';
import { z } from 'zod';
import { llmServerDefaults, type LlmServerConfig } from '../apps/llm-server/config';
import type { S3Settings } from '../data/artifact/s3';
import { failure } from '../domain/failure';
import type { Environment } from './environment';

const count = (max: number) => z.coerce.number().int().min(1).max(max);

/**
 * The embedded language model has separate settings because it needs neither a database nor
 * Temporal. It needs an artifact store only for adapters.
 */
const settings = z.object({
  PERENNIAL_LLM_PORT: z.coerce.number().int().min(0).max(65_535).default(llmServerDefaults.port),
  PERENNIAL_LLM_API_KEY: z.string().min(1).optional(),
  PERENNIAL_LLM_MODEL: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]*$/, 'lower-case letters, digits, dots and hyphens')
    .default('smollm2-135m-instruct'),
  PERENNIAL_LLM_MODEL_FILE: z.string().optional(),
  PERENNIAL_LLM_SEQUENCES: count(64).default(llmServerDefaults.sequences),
  PERENNIAL_LLM_CONTEXT_TOKENS: z.coerce
    .number()
    .int()
    .min(256)
    .max(131_072)
    .default(llmServerDefaults.contextTokens),
  PERENNIAL_LLM_THREADS: count(64).default(llmServerDefaults.threads),
  PERENNIAL_LLM_MAX_QUEUED: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000)
    .default(llmServerDefaults.maxQueued),
  PERENNIAL_LLM_MAX_ADAPTERS: count(16).default(llmServerDefaults.maxAdapters),
  PERENNIAL_LLM_KEEP_PROMPTS: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .default(llmServerDefaults.keepPrompts),
  PERENNIAL_BIND: z.string().default(llmServerDefaults.host),
  PERENNIAL_STATE_DIR: z.string().default('.perennial'),
  PERENNIAL_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info'),
  PERENNIAL_S3_ENDPOINT: z.url().optional(),
  PERENNIAL_S3_BUCKET: z.string().default('perennial'),
  AWS_REGION: z.string().optional(),
  AWS_DEFAULT_REGION: z.string().optional(),
  AWS_ACCESS_KEY_ID: z.string().optional(),
  AWS_SECRET_ACCESS_KEY: z.string().optional(),
  AWS_SESSION_TOKEN: z.string().optional(),
});

export interface LlmServerSettings {
  /** `file` null means the provisioned model. */
  readonly server: Omit<LlmServerConfig, 'model'> & {
    readonly model: { readonly name: string; readonly file: string | null };
  };
  readonly s3: S3Settings | null;
  readonly logLevel: string;
}

/** @throws InvalidInput with one issue per setting that is missing or wrong */
export function readLlmServerSettings(environment: Environment): LlmServerSettings {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = settings.safeParse(given);
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path, message }) => ({
      pointer: `/${path.join('.')}`,
      detail: `${path.join('.')}: ${message}`,
    }));
    throw failure(
      'InvalidInput',
      `settings that are missing or wrong:\n${issues.map(({ detail }) => `  ${detail}`).join('\n')}`,
      {
        issues,
        next: 'docs/guides/llm-server.md lists all settings',
      },
    );
  }
  const value = parsed.data;
  return {
    server: {
      host: value.PERENNIAL_BIND,
      port: value.PERENNIAL_LLM_PORT,
      apiKey: value.PERENNIAL_LLM_API_KEY ?? null,
      model: { name: value.PERENNIAL_LLM_MODEL, file: value.PERENNIAL_LLM_MODEL_FILE ?? null },
      sequences: value.PERENNIAL_LLM_SEQUENCES,
      contextTokens: value.PERENNIAL_LLM_CONTEXT_TOKENS,
      threads: value.PERENNIAL_LLM_THREADS,
      maxQueued: value.PERENNIAL_LLM_MAX_QUEUED,
      maxAdapters: value.PERENNIAL_LLM_MAX_ADAPTERS,
      keepPrompts: value.PERENNIAL_LLM_KEEP_PROMPTS,
      folder: join(resolve(value.PERENNIAL_STATE_DIR), 'state', 'llm-server'),
      bodyLimitBytes: llmServerDefaults.bodyLimitBytes,
    },
    s3: readS3(value),
    logLevel: value.PERENNIAL_LOG_LEVEL,
  };
}

function readS3(value: z.output<typeof settings>): S3Settings | null {
  const {
    PERENNIAL_S3_ENDPOINT: endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  } = value;
  if (endpoint === undefined || accessKeyId === undefined || secretAccessKey === undefined)
    return null;
  return {
    endpoint,
    region: value.AWS_REGION ?? value.AWS_DEFAULT_REGION ?? 'us-east-1',
    bucket: value.PERENNIAL_S3_BUCKET,
    accessKeyId,
    secretAccessKey,
    sessionToken: value.AWS_SESSION_TOKEN ?? null,
  };
}

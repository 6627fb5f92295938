import { resolve } from 'node:path';
import { z } from 'zod';
import type { S3Settings } from '../../data/artifact/s3';
import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import { ownKeyFile, type AuditKeyRef } from './key';

/**
 * The place of the signing key, the trusted keys, and the second place for copies of the heads.
 */
export const auditSettings = {
  PERENNIAL_AUDIT_KEY_FILE: z.string().optional(),
  /** The key itself, PEM. */
  PERENNIAL_AUDIT_KEY: z.string().optional(),
  PERENNIAL_AUDIT_TRUSTED_KEYS: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(
      z.array(
        z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]),
        'must be fingerprints sha256:…, separated by commas',
      ),
    )
    .optional(),
  PERENNIAL_AUDIT_COPY_FILE: z.string().optional(),
  PERENNIAL_AUDIT_COPY_S3_ENDPOINT: z.url().optional(),
  PERENNIAL_AUDIT_COPY_S3_BUCKET: z.string().optional(),
  PERENNIAL_AUDIT_COPY_S3_REGION: z.string().default('us-east-1'),
  PERENNIAL_AUDIT_COPY_S3_ACCESS_KEY_ID: z.string().optional(),
  PERENNIAL_AUDIT_COPY_S3_SECRET_ACCESS_KEY: z.string().optional(),
};

/** Settings that name files of the platform, which no lifecycle may read as data. */
export const auditFiles = ['PERENNIAL_AUDIT_KEY_FILE', 'PERENNIAL_AUDIT_COPY_FILE'];

type AuditSettings = z.output<z.ZodObject<typeof auditSettings>>;

export interface AuditConfig {
  readonly key: AuditKeyRef;
  /** Fingerprints. */
  readonly trustedKeys: readonly Digest[];
  /** Besides the artifact store. */
  readonly copy:
    | { readonly kind: 's3'; readonly s3: S3Settings }
    | { readonly kind: 'file'; readonly path: string }
    | null;
}

export function readAuditSettings(value: AuditSettings, stateDir: string): AuditConfig {
  return {
    key: keyRef(value, stateDir),
    trustedKeys: value.PERENNIAL_AUDIT_TRUSTED_KEYS ?? [],
    copy: parseCopy(value),
  };
}

function keyRef(value: AuditSettings, stateDir: string): AuditKeyRef {
  if (value.PERENNIAL_AUDIT_KEY_FILE !== undefined)
    return { file: resolve(value.PERENNIAL_AUDIT_KEY_FILE), isOwn: false };
  // Some tools cannot pass line feeds in variables.
  const pem = value.PERENNIAL_AUDIT_KEY?.replaceAll('\\n', '\n');
  return pem === undefined
    ? { file: ownKeyFile(stateDir), isOwn: true }
    : { env: 'PERENNIAL_AUDIT_KEY', pem };
}

/**
 * For commands that need the key alone.
 * @throws InvalidInput
 */
export function readAuditKeyRef(
  environment: Readonly<Record<string, string | undefined>>,
  stateDir: string,
): AuditKeyRef {
  const given = Object.fromEntries(
    Object.entries(environment).filter(
      ([setting, value]) => setting in auditSettings && value !== '',
    ),
  );
  const parsed = z.object(auditSettings).safeParse(given);
  const [error] = [
    ...auditSettingErrors(given),
    ...(parsed.error?.issues ?? []).map(({ path, message }) => ({
      setting: path.join('.'),
      detail: message,
    })),
  ];
  if (error === undefined && parsed.success) return keyRef(parsed.data, stateDir);
  throw failure('InvalidInput', `${error?.setting ?? 'settings'}: ${error?.detail ?? ''}`, {
    next: 'docs/reference/settings.md lists the settings',
  });
}

function parseCopy(value: AuditSettings): AuditConfig['copy'] {
  if (value.PERENNIAL_AUDIT_COPY_FILE !== undefined)
    return { kind: 'file', path: resolve(value.PERENNIAL_AUDIT_COPY_FILE) };
  const { PERENNIAL_AUDIT_COPY_S3_ENDPOINT: endpoint, PERENNIAL_AUDIT_COPY_S3_BUCKET: bucket } =
    value;
  const {
    PERENNIAL_AUDIT_COPY_S3_ACCESS_KEY_ID: accessKeyId,
    PERENNIAL_AUDIT_COPY_S3_SECRET_ACCESS_KEY: secretAccessKey,
  } = value;
  if (
    endpoint === undefined ||
    bucket === undefined ||
    accessKeyId === undefined ||
    secretAccessKey === undefined
  )
    return null;
  return {
    kind: 's3',
    s3: {
      endpoint,
      bucket,
      region: value.PERENNIAL_AUDIT_COPY_S3_REGION,
      accessKeyId,
      secretAccessKey,
    },
  };
}

/** Errors that involve more than one setting. */
export function auditSettingErrors(
  given: Readonly<Record<string, string | undefined>>,
): readonly { readonly setting: string; readonly detail: string }[] {
  const isGiven = (setting: string) => given[setting] !== undefined;
  const errors: { setting: string; detail: string }[] = [];
  if (isGiven('PERENNIAL_AUDIT_KEY') && isGiven('PERENNIAL_AUDIT_KEY_FILE')) {
    errors.push({
      setting: 'PERENNIAL_AUDIT_KEY',
      detail: 'cannot be set together with PERENNIAL_AUDIT_KEY_FILE',
    });
  }
  const s3 = ['ENDPOINT', 'BUCKET', 'ACCESS_KEY_ID', 'SECRET_ACCESS_KEY'].map(
    (part) => `PERENNIAL_AUDIT_COPY_S3_${part}`,
  );
  const some = s3.filter(isGiven);
  if (some.length > 0) {
    for (const setting of s3)
      if (!isGiven(setting))
        errors.push({ setting, detail: `is missing, but ${some.join(', ')} needs it` });
    if (isGiven('PERENNIAL_AUDIT_COPY_FILE')) {
      errors.push({
        setting: 'PERENNIAL_AUDIT_COPY_FILE',
        detail: 'cannot be set together with PERENNIAL_AUDIT_COPY_S3_ENDPOINT',
      });
    }
  }
  return errors;
}

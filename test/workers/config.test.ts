import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileRefusal } from '../../data/dataset/sources/file-access';
import { checkUpSettings, readConfig } from '../../workers/config';
import { temporalConnectOptions } from '../../workers/temporal/settings';

const needed = {
  PERENNIAL_TEMPORAL_ADDRESS: 'temporal.example:7233',
  PERENNIAL_DATABASE_URL: 'postgres://me:db-secret@db.example:5432/perennial',
  PERENNIAL_S3_ENDPOINT: 'https://s3.example',
  AWS_ACCESS_KEY_ID: 'AKID',
  AWS_SECRET_ACCESS_KEY: 's3-secret',
};
const certificate = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const privateKey = '-----BEGIN EC PRIVATE KEY-----\nMIIC\n-----END EC PRIVATE KEY-----\n';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'perennial-config-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function errors(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    return (error as Error).message.split('\n').slice(1);
  }
}

describe('settings', () => {
  test('find provisioned downloads in the clone, wherever the state is', () => {
    const found = readConfig({ ...needed, PERENNIAL_STATE_DIR: '/var/lib/perennial' });
    const provisioned = resolve(__dirname, '..', '..', '.perennial');
    expect(found.stateDir).toBe('/var/lib/perennial');
    expect(found.python).toBe(join(provisioned, 'python', 'bin', 'python'));
    expect(found.pythonLlm).toBe(join(provisioned, 'python-llm', 'bin', 'python'));
    expect(found.samplesDir).toBe(join(provisioned, 'samples'));
    expect(readConfig({ ...needed, PERENNIAL_PYTHON: '/usr/bin/python3' }).python).toBe(
      '/usr/bin/python3',
    );
  });

  test('turn on TLS in the gateway with a certificate and its key', () => {
    const [cert, key] = ['PERENNIAL_GATEWAY_TLS_CERT_FILE', 'PERENNIAL_GATEWAY_TLS_KEY_FILE'];
    const both = { ...needed, [cert]: '/etc/tls/tls.crt', [key]: '/etc/tls/tls.key' };
    expect(readConfig(needed).gatewayTls).toBeNull();
    expect(readConfig(both).gatewayTls).toEqual({
      certFile: '/etc/tls/tls.crt',
      keyFile: '/etc/tls/tls.key',
    });
    expect(errors({ ...needed, [cert]: '/etc/tls/tls.crt' })).toEqual([
      `  ${key}: is missing, ${cert} needs it`,
    ]);
    expect(errors({ ...needed, [key]: '/etc/tls/tls.key' })).toEqual([
      `  ${cert}: is missing, ${key} needs it`,
    ]);
    expect(errors({ ...both, PERENNIAL_GATEWAY_URL: 'http://models.example' })).toEqual([
      `  PERENNIAL_GATEWAY_URL: must be https://, because ${cert} is set`,
    ]);
    // No lifecycle may read the key as data.
    const serverName = { PERENNIAL_GATEWAY_TLS_SERVER_NAME: 'gateways.internal' };
    expect(readConfig({ ...needed, ...serverName }).gatewayServerName).toBe('gateways.internal');
    expect(
      errors({ ...needed, PERENNIAL_GATEWAY_TLS_SERVER_NAME: 'https://gateways.internal' }),
    ).toEqual([expect.stringContaining('PERENNIAL_GATEWAY_TLS_SERVER_NAME: ')]);
    expect(readConfig(both).ingest.files.denied).toContain('/etc/tls/tls.key');
  });

  test('limit the inference requests of all models and of some by name', () => {
    const admission = (text: string) =>
      readConfig({ ...needed, PERENNIAL_GATEWAY_MODEL_REQUESTS: text }).admission;
    expect(readConfig(needed).admission).toEqual({});
    expect(admission('256')).toEqual({ requestsPerModel: { usual: 256, of: {} } });
    expect(admission('256,flight-delay=8,bike-demand=16')).toEqual({
      requestsPerModel: { usual: 256, of: { 'flight-delay': 8, 'bike-demand': 16 } },
    });
    for (const wrong of ['0', 'many', 'flight-delay=8', '256,flight-delay', '256,,a=1'])
      expect(
        errors({ ...needed, PERENNIAL_GATEWAY_MODEL_REQUESTS: wrong }).map((line) => line.trim()),
      ).toEqual(['PERENNIAL_GATEWAY_MODEL_REQUESTS: must be such as 512 or 512,flight-delay=64']);
  });

  test('limit the time of all models and of some by name', () => {
    const timeout = (text: string) => ({ ...needed, PERENNIAL_GATEWAY_TIMEOUT_MS: text });
    expect(readConfig(needed).requestTimeoutMs).toBeNull();
    expect(readConfig(timeout('5000,flight-delay=500')).requestTimeoutMs).toEqual({
      usual: 5000,
      of: { 'flight-delay': 500 },
    });
    expect(errors(timeout('5000,flight-delay=3600001')).map((line) => line.trim())).toEqual([
      'PERENNIAL_GATEWAY_TIMEOUT_MS: must be at most 3600000 (an hour)',
    ]);
  });

  test('that are missing or wrong are listed together, without their values', () => {
    const found = errors({
      PERENNIAL_TEMPORAL_ADDRESS: 'no-port',
      AWS_ACCESS_KEY_ID: 'AKID',
      PERENNIAL_MAX_JOBS: 'many',
      TEMPORAL_TLS: 'perhaps-secret',
      TEMPORAL_API_KEY: 'a secret',
      TEMPORAL_TLS_CLIENT_KEY_DATA: 'no-pem-secret',
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(folder, 'nosuch.pem'),
    });
    expect(found.map((line) => line.trim().split(':')[0])).toEqual([
      'PERENNIAL_TEMPORAL_ADDRESS',
      'TEMPORAL_API_KEY',
      'TEMPORAL_TLS',
      'PERENNIAL_DATABASE_URL',
      'PERENNIAL_S3_ENDPOINT',
      'AWS_SECRET_ACCESS_KEY',
      'PERENNIAL_MAX_JOBS',
      'TEMPORAL_TLS_CLIENT_KEY_DATA',
      'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
      'TEMPORAL_TLS_CLIENT_CERT_PATH',
    ]);
    const text = found.join('\n');
    expect(text).toContain('PERENNIAL_DATABASE_URL: is missing');
    expect(text).toContain('TEMPORAL_TLS_SERVER_CA_CERT_PATH: names a file that cannot be read');
    expect(text).not.toMatch(/secret/);
  });

  test('let sources read the data folders of lifecycles in the clone, but no platform files', async () => {
    const clone = resolve(__dirname, '..', '..');
    const { ingest } = readConfig({
      ...needed,
      PERENNIAL_STATE_DIR: join(clone, 'state'),
      PERENNIAL_PROVIDERS_FILE: file('p.yaml', ''),
      PERENNIAL_RAY_TOKEN_FILE: file('ray-token', 'secret'),
    });
    expect(ingest.files.roots).toEqual([join(clone, '*', 'data'), join(clone, 'samples')]);
    const refusals = [
      'churn/data/orders.csv',
      'samples/wiki-router/examples.ndjson',
      'package.json',
      '.perennial/run/audit-key.pem',
      'state/data/x',
    ];
    const found = await Promise.all(
      refusals.map((path) => fileRefusal(join(clone, path), ingest.files)),
    );
    expect(found.map((each) => each?.detail ?? null)).toEqual([
      null,
      null,
      expect.stringMatching(/outside/),
      expect.stringMatching(/the platform's own state/),
      expect.stringMatching(/the platform's own state/),
    ]);
    expect(ingest.files.denied).toContain(join(folder, 'p.yaml'));
    expect(ingest.files.denied).toContain(join(folder, 'ray-token'));
  });

  test('refuse folders for sources that are relative or belong to the platform', () => {
    const found = errors({
      ...needed,
      PERENNIAL_STATE_DIR: '/var/lib/perennial',
      PERENNIAL_INGEST_ROOTS: 'data:/srv/data:/var/lib/perennial/in',
    });
    expect(found).toEqual([
      '  PERENNIAL_INGEST_ROOTS: data is not an absolute path',
      '  PERENNIAL_INGEST_ROOTS: /var/lib/perennial/in lies in /var/lib/perennial, which sources may never read',
    ]);
  });

  test('open named buckets for sources, but never the platform’s own', () => {
    const { ingest } = readConfig({
      ...needed,
      PERENNIAL_INGEST_BUCKETS: 'lake, s3://shared/incoming',
    });
    expect(ingest.buckets).toEqual([
      { bucket: 'lake', prefix: '' },
      { bucket: 'shared', prefix: 'incoming/' },
    ]);
    expect(readConfig(needed).ingest.buckets).toEqual([]);
    const own = "the bucket of the platform's own artifacts, which sources may never read";
    expect(errors({ ...needed, PERENNIAL_INGEST_BUCKETS: 'perennial/x,Lake' })).toEqual([
      `  PERENNIAL_INGEST_BUCKETS: perennial is ${own}`,
      '  PERENNIAL_INGEST_BUCKETS: Lake is neither a bucket nor bucket/prefix',
    ]);
    expect(
      errors({ ...needed, PERENNIAL_S3_BUCKET: 'ours', PERENNIAL_INGEST_BUCKETS: 'ours' }),
    ).toHaveLength(1);
  });

  test('let sources read below the folder of `perennial up`, unless it is a home or the clone', async () => {
    const clone = resolve(__dirname, '..', '..');
    const filesFrom = (startedFrom: string) =>
      readConfig({
        ...needed,
        PERENNIAL_STATE_DIR: join(startedFrom, '.perennial'),
        PERENNIAL_PROJECT_DIR: startedFrom,
      }).ingest.files;
    const usual = filesFrom(clone).roots;
    expect(usual).toEqual([join(clone, '*', 'data'), join(clone, 'samples')]);
    for (const wide of [homedir(), dirname(homedir()), '/'])
      expect(filesFrom(wide).roots).toEqual(usual);
    const files = filesFrom(folder);
    expect(files.roots).toEqual([...usual, folder]);
    const found = await Promise.all(
      ['data.csv', 'data/orders.csv', '.env', '.perennial/secrets.json', '.git/config'].map(
        async (path) => (await fileRefusal(join(folder, path), files)) === null,
      ),
    );
    expect(found).toEqual([true, true, false, false, false]);
  });

  test('do not let lifecycles refer to secrets of the platform', () => {
    const found = errors({
      ...needed,
      PERENNIAL_STATE_DIR: '/var/lib/perennial',
      PERENNIAL_SECRET_ENV: 'HOOK, AWS_SECRET_ACCESS_KEY, A-B',
      PERENNIAL_SECRET_DIR: '/var/lib',
    });
    expect(found).toEqual([
      "  PERENNIAL_SECRET_ENV: AWS_SECRET_ACCESS_KEY is the platform's own variable",
      '  PERENNIAL_SECRET_ENV: A-B is not a valid variable name',
      '  PERENNIAL_SECRET_DIR: /var/lib overlaps /var/lib/perennial, ' +
        "which holds the platform's own files",
    ]);
    const { secrets, ingest } = readConfig({
      ...needed,
      PERENNIAL_SECRET_ENV: 'HOOK',
      PERENNIAL_SECRET_DIR: '/run/secrets/',
    });
    expect(secrets).toEqual({ variables: ['HOOK'], folder: '/run/secrets' });
    expect(ingest.files.denied).toContain('/run/secrets');
  });

  test('that are empty count as not set', () => {
    const blank = { TEMPORAL_API_KEY: '', TEMPORAL_TLS: '', AWS_SESSION_TOKEN: '', AWS_REGION: '' };
    const { temporal, s3 } = readConfig({ ...needed, ...blank });
    expect(temporal).toMatchObject({ namespace: 'perennial', tls: null, apiKey: null });
    expect(s3).toMatchObject({ region: 'us-east-1', sessionToken: null });
  });

  test.each([
    [{ TEMPORAL_NAMESPACE: 'theirs.acct' }, 'theirs.acct'],
    [{ TEMPORAL_NAMESPACE: 'theirs.acct', PERENNIAL_TEMPORAL_NAMESPACE: 'ours' }, 'ours'],
  ])('%j names the namespace %s', (given, namespace) => {
    expect(readConfig({ ...needed, ...given }).temporal.namespace).toBe(namespace);
  });

  test('name a version of the worker only with its deployment and its build', () => {
    const name = { TEMPORAL_DEPLOYMENT_NAME: 'shop/perennial' };
    const build = { TEMPORAL_WORKER_BUILD_ID: 'v1' };
    expect(readConfig(needed).temporal.version).toBeNull();
    expect(readConfig({ ...needed, ...name, ...build }).temporal.version).toEqual({
      deploymentName: 'shop/perennial',
      buildId: 'v1',
    });
    expect(() => readConfig({ ...needed, ...name })).toThrow('TEMPORAL_WORKER_BUILD_ID');
    expect(() => readConfig({ ...needed, ...build })).toThrow('TEMPORAL_DEPLOYMENT_NAME');
  });

  test('give the key of the administrator only with that of the platform', () => {
    expect(() => readConfig({ ...needed, PERENNIAL_ADMIN_KEY: 'pk_1' })).toThrow(
      'PERENNIAL_SERVICE_KEY: is missing',
    );
  });

  test('accept a temporary S3 credential with its token, and both names of the region', () => {
    const { s3 } = readConfig({
      ...needed,
      AWS_SESSION_TOKEN: 'lent',
      AWS_DEFAULT_REGION: 'eu-west-1',
    });
    expect(s3).toMatchObject({ sessionToken: 'lent', region: 'eu-west-1' });
    expect(
      readConfig({ ...needed, AWS_REGION: 'eu-north-1', AWS_DEFAULT_REGION: 'eu-west-1' }).s3
        .region,
    ).toBe('eu-north-1');
  });
});

describe('a Temporal service with TLS', () => {
  const connection = (given: Readonly<Record<string, string>>) =>
    temporalConnectOptions(readConfig({ ...needed, ...given }).temporal);

  test('is reached without TLS by default', () => {
    expect(connection({})).toEqual({ address: 'temporal.example:7233', tls: false });
    expect(connection({ TEMPORAL_TLS: 'false' })).toMatchObject({ tls: false });
  });

  test('is reached with TLS if TEMPORAL_TLS, an API key or a certificate is set', () => {
    expect(connection({ TEMPORAL_TLS: 'true' })).toMatchObject({ tls: {} });
    expect(connection({ TEMPORAL_API_KEY: 'tk' })).toEqual({
      address: 'temporal.example:7233',
      tls: {},
      apiKey: 'tk',
    });
    const files = {
      TEMPORAL_TLS_CLIENT_CERT_PATH: file('c.pem', certificate),
      TEMPORAL_TLS_CLIENT_KEY_DATA: privateKey,
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('ca.pem', certificate),
      TEMPORAL_TLS_SERVER_NAME: 'front',
    };
    expect(connection(files).tls).toEqual({
      serverNameOverride: 'front',
      serverRootCACertificate: Buffer.from(certificate),
      clientCertPair: { crt: Buffer.from(certificate), key: Buffer.from(privateKey) },
    });
  });

  test.each<[string, Readonly<Record<string, string>>, string]>([
    [
      'a certificate without its key',
      { TEMPORAL_TLS_CLIENT_CERT_DATA: certificate },
      'TEMPORAL_TLS_CLIENT_KEY_PATH: is missing: TEMPORAL_TLS_CLIENT_CERT_…',
    ],
    [
      'a certificate as a file and as text',
      { TEMPORAL_TLS_SERVER_CA_CERT_DATA: certificate, TEMPORAL_TLS_SERVER_CA_CERT_PATH: 'x.pem' },
      'TEMPORAL_TLS_SERVER_CA_CERT_DATA: is set together with TEMPORAL_TLS_SERVER_CA_CERT_PATH',
    ],
    [
      'a key in place of a certificate',
      { TEMPORAL_TLS_SERVER_CA_CERT_DATA: privateKey },
      'contains no PEM block "CERTIFICATE"',
    ],
    [
      'an API key without TLS',
      { TEMPORAL_TLS: 'false', TEMPORAL_API_KEY: 'tk' },
      'TEMPORAL_TLS: is false, but TEMPORAL_API_KEY needs TLS',
    ],
    [
      'a setting that is not supported',
      { TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: 'true' },
      'is not supported',
    ],
  ])('is refused with %s', (_, given, said) => {
    expect(errors({ ...needed, ...given }).join('\n')).toContain(said);
  });
});

describe('settings of a platform on one machine', () => {
  test('may be empty, and those of another Temporal server are ignored', () => {
    expect(() => checkUpSettings({})).not.toThrow();
    expect(() =>
      checkUpSettings({ TEMPORAL_TLS: 'perhaps', PERENNIAL_DATABASE_URL: '' }),
    ).not.toThrow();
  });

  test('are all checked before anything starts', () => {
    const wrong = {
      PERENNIAL_API_PORT: 'abc',
      PERENNIAL_MAX_JOBS: '0',
      PERENNIAL_S3_ENDPOINT: 'https://s3.example',
    };
    expect(() => checkUpSettings(wrong)).toThrow(/PERENNIAL_API_PORT: /);
    expect(() => checkUpSettings(wrong)).toThrow(/PERENNIAL_MAX_JOBS: /);
    expect(() => checkUpSettings(wrong)).toThrow(/AWS_ACCESS_KEY_ID: is missing/);
  });
});

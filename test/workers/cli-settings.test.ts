import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectComputeSettings } from '../../infra/compute/settings';
import { cliSettings, computeEnvironment } from '../../workers/cli-settings';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-cli-'));
  mkdirSync(join(folder, '.perennial', 'run'), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const local = {
  apiUrl: 'http://127.0.0.1:8700',
  gatewayUrl: 'http://127.0.0.1:8710',
  apiKey: 'pk_local',
  temporalUiUrl: 'http://127.0.0.1:8233',
};

/** The addresses and the key, when `up` wrote this file. */
function known(environment: Readonly<Record<string, string>>, written = JSON.stringify(local)) {
  writeFileSync(join(folder, '.perennial', 'run', 'client.json'), written);
  const { apiUrl, gatewayUrl, apiKey, temporalUiUrl } = cliSettings(environment, folder);
  return { apiUrl, gatewayUrl, apiKey, temporalUiUrl };
}

describe('the command line', () => {
  test('uses the platform that runs from the folder', () => {
    expect(known({})).toEqual(local);
  });

  test.each(['http://localhost:8700', 'http://127.0.0.1:8700/'])(
    'uses its key for %s, which is the same address',
    (apiUrl) => {
      expect(known({ PERENNIAL_API_URL: apiUrl })).toEqual({ ...local, apiUrl });
    },
  );

  test.each(['https://models.example.com', 'http://127.0.0.1:8800', 'models'])(
    'does not use its key for %s, which is another platform',
    (apiUrl) => {
      expect(known({ PERENNIAL_API_URL: apiUrl })).toEqual({
        apiUrl,
        gatewayUrl: null,
        apiKey: null,
        temporalUiUrl: undefined,
      });
    },
  );

  test('uses the key and the gateway of the environment', () => {
    const environment = { PERENNIAL_API_KEY: 'pk_mine', PERENNIAL_GATEWAY_URL: 'http://gateway' };
    expect(known(environment)).toEqual({
      ...local,
      apiKey: 'pk_mine',
      gatewayUrl: 'http://gateway',
    });
  });

  test.each(['{"apiKey": "pk_secret', 'null', ''])(
    'names a damaged file with the content %j, without the content',
    (written) => {
      expect(() => known({}, written)).toThrow(
        expect.objectContaining({
          message: expect.stringMatching(/^\S+\/run\/client\.json is damaged$/) as string,
          next: 'delete it and restart perennial up, which writes it',
        }) as Error,
      );
    },
  );
});

describe('commands that try compute backends', () => {
  const started = {
    PERENNIAL_SLURM_URL: 'http://head:6820',
    PERENNIAL_SLURM_TOKEN_FILE: 'slurm.token',
    PERENNIAL_S3_ENDPOINT: 'http://127.0.0.1:9000',
    AWS_ACCESS_KEY_ID: 'of-the-platform',
    PERENNIAL_COMPUTE_BACKENDS: './compute/nomad, @example/batch',
    PERENNIAL_SERVICE_KEY: 'pk_service',
  };
  const ask = (environment: Readonly<Record<string, string>>) => {
    const compute = selectComputeSettings(started);
    writeFileSync(
      join(folder, '.perennial', 'run', 'client.json'),
      JSON.stringify({ ...local, compute }),
    );
    return computeEnvironment(environment, join(folder, '.perennial'));
  };

  test('use the settings with which `up` runs from the folder, with absolute paths', () => {
    expect(ask({ AWS_ACCESS_KEY_ID: 'of-the-shell', HOME: '/home/ann' })).toEqual({
      PERENNIAL_SLURM_URL: 'http://head:6820',
      PERENNIAL_SLURM_TOKEN_FILE: join(process.cwd(), 'slurm.token'),
      PERENNIAL_S3_ENDPOINT: 'http://127.0.0.1:9000',
      PERENNIAL_COMPUTE_BACKENDS: `${join(process.cwd(), 'compute', 'nomad')},@example/batch`,
      AWS_ACCESS_KEY_ID: 'of-the-platform',
      HOME: '/home/ann',
    });
  });

  test('use the environment alone if it names an engine', () => {
    const environment = { PERENNIAL_RAY_URL: 'http://ray:8265' };
    expect(ask(environment)).toEqual(environment);
  });
});

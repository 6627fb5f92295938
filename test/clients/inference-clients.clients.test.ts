/**
 * Stock clients of the Open Inference Protocol before a gateway, unchanged: tritonclient, KServe's,
 * MLServer's.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { GatewayProcess } from '../support/process/gateway-process';
import { migratedDatabase, testBucket } from '../support/platform';
import { distanceModel, distanceRequest } from '../support/serving/served-models';
import { openServingWorld, type ServingWorld } from '../support/serving/serving-world';
import { clientProgram } from './client-program';

const execute = promisify(execFile);
let folder: string;
let database: Awaited<ReturnType<typeof migratedDatabase>>;
let world: ServingWorld;
let gateway: GatewayProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-clients-'));
  database = await migratedDatabase();
  world = await openServingWorld(database.url, testBucket());
  await world.promote(await world.register(distanceModel(10)));
  gateway = await world.startGateway(folder);
});

afterAll(async () => {
  await gateway.stop();
  await world.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function runScript(
  script: string,
  ...args: readonly string[]
): Promise<Record<string, unknown>> {
  const { stdout } = await execute(clientProgram('requirements', 'python'), [
    join(__dirname, script),
    ...args,
  ]);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** Of carrier AA and the distances 0, 1 and 2. */
const three = [10.5, 10.501, 10.502];

test('tritonclient gets answers to binary, JSON and compressed requests, and reads errors', async () => {
  const answers = await runScript(
    'triton_calls.py',
    new URL(gateway.url).host,
    world.keys.viewer,
    'flight-delay',
  );
  expect(answers).toEqual({
    live: true,
    ready: true,
    modelReady: true,
    versionReady: true,
    unknownReady: false,
    extensions: ['binary_tensor_data'],
    columns: ['carrier', 'distance'],
    binary: three,
    json: three,
    mixed: three,
    version: [10.5],
    float32: three,
    int64: three,
    gzipBinary: three,
    gzipJson: three,
    deflateBinary: three,
    deflateJson: three,
    nan: [10.5],
    async: three,
    missingTensor: ['400', expect.stringMatching(/^tensor `distance` is missing/)],
    unknownModel: ['404', expect.stringMatching(/nosuch/)],
    noKey: ['401', expect.stringMatching(/^send an API key/)],
    notHere: ['404', expect.stringMatching(/^no GET \/v2\/models\/flight-delay\/config/)],
  });
});

test("KServe's inference client gets answers to JSON and binary requests, and reads errors", async () => {
  const answers = await runScript(
    'kserve_calls.py',
    gateway.url,
    world.keys.viewer,
    'flight-delay',
  );
  expect(answers).toEqual({
    live: true,
    ready: true,
    modelReady: true,
    json: three,
    binary: three,
    binaryOutputs: three,
    missingTensor: [400, expect.stringMatching(/^tensor `distance` is missing.*'400 Bad Request'/)],
  });
});

test.each([[[]], [['--binary-data']]])(
  '`mlserver infer` gets an answer to every line of its file %p',
  async (options) => {
    const [input, output] = ['requests.jsonl', `answers${options.length}.jsonl`].map((name) =>
      join(folder, name),
    );
    const lines = [0, 1, 2].map((distance) => ({
      id: `line-${distance}`,
      ...distanceRequest([{ carrier: 'AA', distance }]),
    }));
    writeFileSync(input as string, lines.map((line) => JSON.stringify(line)).join('\n'));
    const host = new URL(gateway.url).host;
    const header = `Authorization: Bearer ${world.keys.viewer}`;
    await execute(clientProgram('mlserver', 'mlserver'), [
      ...[
        'infer',
        '-u',
        host,
        '-m',
        'flight-delay',
        '-i',
        input as string,
        '-o',
        output as string,
        '-H',
        header,
        ...options,
      ],
    ]);
    const answered = readFileSync(output as string, 'utf8')
      .trim()
      .split('\n');
    const outputs = answered.map(
      (line) => JSON.parse(line) as { outputs: { name: string; data: number[] }[] },
    );
    const scores = outputs.map(
      (answer) => answer.outputs.find(({ name }) => name === 'score')?.data[0],
    );
    expect(scores.sort()).toEqual(three.map((score) => expect.closeTo(score, 4) as number));
  },
);

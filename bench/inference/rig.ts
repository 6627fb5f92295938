/** The model, the servers and the request that the benches of inference share. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { sha256 } from '../../data/digest';
import type { Column } from '../../domain/dataset/dataset';
import { defaultTenant as tenant } from '../../domain/ids';
import type { FeatureColumn, ModelManifest, ModelVersionRef } from '../../domain/model/model';
import type { ServingWorld } from '../../test/support/serving/serving-world';

const root = resolve(__dirname, '..', '..');
const numbers = Array.from({ length: 8 }, (_, index) => `n${index}`);
const texts = Array.from({ length: 4 }, (_, index) => `t${index}`);

/** Features that are the request's columns, and features that SQL computes. */
export const featureLists = {
  plain: [...numbers, ...texts].join(', '),
  computed: [
    ...numbers.map((name) => `abs(${name}) AS ${name}`),
    ...texts.map((name) => `lower(${name}) AS ${name}`),
  ].join(', '),
} as const;

/** Writes the graph of 100 trees and returns its path. */
export async function writeGraph(folder: string): Promise<string> {
  const file = join(folder, 'graph.onnx');
  const python = join(root, '.perennial', 'python', 'bin', 'python');
  await output(
    spawn(python, [join(__dirname, 'inference_graph.py'), file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  return file;
}

/** Starts the bare server; it answers at the returned address. */
export async function startBare(
  graphFile: string,
): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = startTyped('bench/inference/bare.ts', [graphFile]);
  return { child, url: (await firstLine(child)).trim() };
}

/** Registers the graph as a version of a new model. */
export async function registerGraph(
  world: ServingWorld,
  model: string,
  graphFile: string,
  select: string,
): Promise<ModelVersionRef> {
  const put = (bytes: Uint8Array) =>
    world.artifacts.putBytes({ tenant, bytes, mediaType: 'application/octet-stream' });
  const request: Column[] = [
    ...numbers.map((name): Column => ({ name, type: 'number' })),
    ...texts.map((name): Column => ({ name, type: 'string' })),
  ];
  const features = request.map(({ name, type }): FeatureColumn => ({
    name,
    type: type === 'number' ? 'float' : 'string',
  }));
  const manifest: ModelManifest = {
    model,
    signature: {
      task: 'classification',
      request,
      features,
      output: 'score',
      entity: null,
      time: null,
    },
    onnx: await put(readFileSync(graphFile)),
    featuresSql: await put(Buffer.from(`SELECT ${select} FROM request`)),
    trainer: { name: 'bench', codeDigest: sha256('bench'), params: {}, seed: 1 },
    trainingData: sha256('bench'),
  };
  return world.registerManifest(await world.artifacts.putJson({ tenant, value: manifest }));
}

/** A column of a request with one row. */
export function oneRow(name: string, datatype: 'FP64' | 'BYTES', value: unknown): object {
  return { name, datatype, shape: [1, 1], data: [value] };
}

/** A request with one row. */
export function requestBody(): string {
  return JSON.stringify({
    inputs: [
      ...numbers.map((name, index) => oneRow(name, 'FP64', index + 0.5)),
      ...texts.map((name, index) => oneRow(name, 'BYTES', `v${index}`)),
    ],
  });
}

/** Starts a TypeScript file of the bench. */
export function startTyped(file: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['-r', 'tsx/cjs', file, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** The output of a process, which must succeed. */
export async function output(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', done);
  });
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} ended with ${code ?? 'a signal'}`);
  return text;
}

async function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    child.stdout?.once('data', (chunk: Buffer) => done(chunk.toString()));
    child.once('exit', (code) =>
      fail(new Error(`${child.spawnargs.join(' ')} ended with ${code ?? 'a signal'}`)),
    );
  });
}

/** The gateway then runs as installed, and not from sources that are compiled on loading. */
export async function bundleServices(): Promise<void> {
  const { buildServices } = (await import(join(root, 'bin', 'cli-build.mjs'))) as {
    readonly buildServices: (root: string) => Promise<void>;
  };
  await buildServices(root);
}

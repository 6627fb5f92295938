/**
 * A minimal server: fastify and onnxruntime with the same graph and body, without checks or a log.
 */
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import '../../data/onnx/disable-telemetry';
import { InferenceSession, Tensor } from 'onnxruntime-node';

interface Body {
  readonly inputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly data: readonly (string | number)[];
  }[];
}

async function main(graphFile: string): Promise<void> {
  const session = await InferenceSession.create(await readFile(graphFile), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  const app = fastify();
  app.post<{ Body: Body }>('/v2/models/bench/infer', async (request) => {
    const feeds: Record<string, Tensor> = {};
    for (const { name, datatype, data } of request.body.inputs) {
      const dims = [data.length, 1];
      feeds[name] =
        datatype === 'BYTES'
          ? new Tensor('string', data as string[], dims)
          : new Tensor('float32', Float32Array.from(data as number[]), dims);
    }
    const { score } = await session.run(feeds);
    const values = [...((score as Tensor).data as Float32Array)];
    return {
      model_name: 'bench',
      outputs: [{ name: 'score', datatype: 'FP64', shape: [values.length, 1], data: values }],
    };
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  process.stdout.write(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}\n`);
}

void main(process.argv[2] ?? '');

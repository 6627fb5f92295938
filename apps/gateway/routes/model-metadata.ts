import type { FastifyInstance, FastifyRequest } from 'fastify';
import { version as platformVersion } from '../../../package.json';
import type { ModelSignature } from '../../../domain/model/model';
import { datatypesOf } from '../inference/column-values';
import { parseModelName } from '../model/model-name';
import { requireGraph, type ServedVersion } from '../model/served-version';
import type { VersionPicker } from '../routing/version-picker';
import type { ModelParams } from './infer';

/**
 * Model metadata, which clients of the Open Inference Protocol V2 request before they send rows.
 */
export function modelMetadataRoutes(
  app: FastifyInstance,
  { picker }: { readonly picker: VersionPicker },
): void {
  async function withServed<T>(
    request: FastifyRequest<{ Params: ModelParams }>,
    tell: (served: ServedVersion) => T,
  ): Promise<T> {
    const { model, version } = request.params;
    const picked = await picker.pick(request.caller.tenant, parseModelName(model, version));
    try {
      return tell(picked.kind === 'routed' ? picked.route.champion.served : picked.served);
    } finally {
      picked.release();
    }
  }
  const metadata = (request: FastifyRequest<{ Params: ModelParams }>) =>
    withServed(request, describe);
  const ready = (request: FastifyRequest<{ Params: ModelParams }>) =>
    withServed(request, ({ model, version, digest }) => ({
      name: model,
      version: String(version),
      ready: true,
      digest,
    }));

  app.get('/v2', () => ({
    name: 'perennial',
    version: platformVersion,
    extensions: ['binary_tensor_data'],
  }));
  app.get('/v2/models/:model', metadata);
  app.get('/v2/models/:model/versions/:version', metadata);
  // A version that cannot be loaded returns its problem, because the protocol requires a status
  // other than 200.
  app.get('/v2/models/:model/ready', ready);
  app.get('/v2/models/:model/versions/:version/ready', ready);
}

function describe(served: ServedVersion) {
  const { model, version, digest } = served;
  const { signature } = requireGraph(served);
  return {
    name: model,
    versions: [String(version)],
    platform: 'onnxruntime_onnx',
    inputs: signature.request.map(({ name, type }) => ({
      name,
      datatype: datatypesOf[type][0],
      shape: [-1, 1],
      parameters: { type },
    })),
    outputs: [
      ...listOutputs(signature),
      { name: 'prediction_id', datatype: 'BYTES', shape: [-1, 1] },
    ],
    parameters: { digest, entity: signature.entity, event_time: signature.time },
  };
}

function listOutputs({ task, classes }: ModelSignature) {
  if (classes === undefined) {
    const meaning =
      task === 'classification' ? 'probability of the positive class' : 'predicted value';
    return [{ name: 'score', datatype: 'FP64', shape: [-1, 1], parameters: { meaning } }];
  }
  return [
    {
      name: 'class',
      datatype: 'BYTES',
      shape: [-1, 1],
      parameters: { meaning: 'the most probable class' },
    },
    {
      name: 'probabilities',
      datatype: 'FP64',
      shape: [-1, classes.length],
      parameters: { meaning: 'probability of each class, in the order of `classes`', classes },
    },
  ];
}

import { stringify } from 'yaml';
import type { Digest } from '../../../domain/artifact';
import type { ModelSignature } from '../../../domain/model/model';

export interface ExportedVersion {
  readonly model: string;
  readonly version: number;
  /** Digest of the manifest. */
  readonly digest: Digest;
  readonly signature: ModelSignature;
  /** RFC 3339. */
  readonly createdAt: string;
}

/**
 * The texts of an MLflow model folder, by path. The graph itself is beside them in `model.onnx`.
 */
export function mlflowFolderTexts(exported: ExportedVersion): Readonly<Record<string, string>> {
  return {
    MLmodel: stringify(buildMlmodel(exported)),
    'requirements.txt': `${requirements.join('\n')}\n`,
    'python_env.yaml': stringify({
      python: pythonVersion,
      build_dependencies: ['pip'],
      dependencies: ['-r requirements.txt'],
    }),
    'conda.yaml': stringify({
      name: 'mlflow-env',
      channels: ['conda-forge'],
      dependencies: [`python=${pythonVersion}`, 'pip', { pip: requirements }],
    }),
  };
}

/** What a graph of opset 17 needs. */
const requirements = ['mlflow>=3,<4', 'onnx>=1.18,<2', 'onnxruntime>=1.22,<2', 'numpy>=2,<3'];
const pythonVersion = '3.11';
/** The format of the folder is that of this release, which is the oldest that is supported. */
const mlflowVersion = '3.0.0';

function buildMlmodel({ model, version, digest, signature, createdAt }: ExportedVersion) {
  return {
    flavors: {
      onnx: {
        code: null,
        data: 'model.onnx',
        onnx_version: '1.18.0',
        providers: ['CPUExecutionProvider'],
        onnx_session_options: null,
        save_as_external_data: false,
      },
      python_function: {
        data: 'model.onnx',
        env: { conda: 'conda.yaml', virtualenv: 'python_env.yaml' },
        loader_module: 'mlflow.onnx',
        python_version: pythonVersion,
      },
    },
    metadata: { perennial_version: `${model}@${version}`, perennial_digest: digest },
    mlflow_version: mlflowVersion,
    model_uuid: digest.slice('sha256:'.length, 'sha256:'.length + 32),
    signature: {
      inputs: JSON.stringify(
        signature.features.map(({ name, type }) =>
          tensorSpec(name, type === 'float' ? 'float32' : 'object', 1),
        ),
      ),
      outputs: JSON.stringify([
        tensorSpec(signature.output, 'float32', signature.classes?.length ?? 1),
      ]),
      params: null,
    },
    utc_time_created: createdAt.replace('T', ' ').replace(/Z$/, ''),
  };
}

/** A tensor of any number of rows. */
function tensorSpec(name: string, dtype: string, width: number) {
  return { name, type: 'tensor', 'tensor-spec': { dtype, shape: [-1, width] } };
}

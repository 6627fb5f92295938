import type { ArtifactRef, Digest } from '../artifact';
import type { Issue } from '../failure';
import { failure } from '../failure';
import type { FeatureColumn, ImportedFormat, Task } from './model';

/** A model that was made outside Perennial. A run takes it in the place of a trained one. */
export interface ImportedModel {
  readonly format: ImportedFormat;
  readonly artifact: ArtifactRef;
  /** The name of the file on the caller's machine. */
  readonly fileName: string;
  /** The Python class of a converted model, such as `xgboost.sklearn.XGBClassifier`. */
  readonly modelClass?: string | undefined;
  /** The packages with which a pickle was written, such as `scikit-learn==1.7.2`. */
  readonly packages?: readonly string[] | undefined;
}

/** The trainer that converts imported models to ONNX. Lifecycles cannot name it. */
export const conversionTrainer = 'convert';

/** Packages of which an imported model may name its versions. */
export const conversionPackages = [
  'scikit-learn',
  'lightgbm',
  'numpy',
  'scipy',
  'pandas',
  'cloudpickle',
  'skops',
] as const;

/** Where there is a package without the libraries of GPUs, it is much smaller. */
const [linux64, elsewhere] = [
  "platform_machine == 'x86_64' and sys_platform == 'linux'",
  "platform_machine != 'x86_64' or sys_platform != 'linux'",
];
const xgboostRequirements = `xgboost-cpu>=3; ${linux64}\nxgboost>=3; ${elsewhere}\n`;

/**
 * What a job needs to read and convert a model; null for the packages of all trainers. A pickle
 * needs the versions that wrote it. XGBoost's own formats can be read by any later version.
 */
export function conversionRequirements({
  format,
  packages = [],
}: Pick<ImportedModel, 'format' | 'packages'>): string | null {
  switch (format) {
    case 'onnx':
      return null;
    case 'xgboost':
      return xgboostRequirements;
    case 'lightgbm':
    case 'sklearn': {
      if (format === 'lightgbm' && packages.length === 0) return null;
      const named = new Set(packages.map((each) => each.split('==')[0]));
      const needed = ['scikit-learn', 'pandas', 'cloudpickle', 'skl2onnx>=1.18'];
      return [...packages, ...needed.filter((each) => !named.has(each))].join('\n') + '\n';
    }
  }
}

/** Where an imported version came from, for display. */
export interface ImportedOrigin {
  readonly format: ImportedFormat;
  readonly fileName: string;
  readonly digest: Digest;
  /** The name of the key that imported it. */
  readonly actor: string;
}

/** A size that is free, or has a name, is null or a text. */
type Dimension = number | string | null;

/** An input or output of an ONNX graph. `shape` is null when the graph does not say it. */
export interface GraphTensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly Dimension[] | null;
}

export interface GraphSignature {
  readonly inputs: readonly GraphTensor[];
  readonly outputs: readonly GraphTensor[];
}

/** What a lifecycle needs of a graph. Null means not known before a run reads the data. */
export interface ExpectedGraph {
  readonly features: readonly FeatureColumn[] | null;
  readonly task: Task | null;
  readonly classes?: readonly string[] | undefined;
}

/** The message names this many differences; the issues have all of them. */
const maxShown = 5;

/**
 * Checks that a graph takes the features of the lifecycle and returns its scores.
 * @throws InvalidInput with all differences
 */
export function checkImportedGraph(
  { fileName, model }: { readonly fileName: string; readonly model: string },
  found: GraphSignature,
  expected: ExpectedGraph,
): void {
  const issues = [
    ...inputIssues(found.inputs, expected.features),
    ...outputIssues(found, expected),
  ];
  if (issues.length === 0) return;
  const more = issues.length - maxShown;
  const shown = issues.slice(0, maxShown).map(({ detail }) => detail);
  if (more > 0) shown.push(`and ${more} more`);
  throw failure('InvalidInput', `${fileName} does not fit ${model}: ${shown.join('; ')}`, {
    issues,
    next: 'export the model with one input per feature and the output `score` (docs/guides/interop.md)',
  });
}

function inputIssues(
  inputs: readonly GraphTensor[],
  features: readonly FeatureColumn[] | null,
): readonly Issue[] {
  if (features === null) return [];
  const byName = new Map(inputs.map((input) => [input.name, input]));
  const wanted = new Set(features.map(({ name }) => name));
  return [
    ...features.flatMap(({ name, type }) => {
      const input = byName.get(name);
      const expected = `${type} [rows, 1]`;
      const at = { pointer: `/inputs/${name}`, expected };
      if (input === undefined)
        return [{ ...at, detail: `input \`${name}\` is missing, expected ${expected}` }];
      if (input.type === type && isColumn(input.shape, 1)) return [];
      return [
        { ...at, detail: `input \`${name}\` is ${describeTensor(input)}, expected ${expected}` },
      ];
    }),
    ...inputs
      .filter(({ name }) => !wanted.has(name))
      .map((input) => ({
        pointer: `/inputs/${input.name}`,
        detail: `input \`${input.name}\` is ${describeTensor(input)}, but no feature has this name`,
        expected: `one of ${[...wanted].join(', ')}`,
      })),
  ];
}

function outputIssues(
  { outputs }: GraphSignature,
  { task, classes }: ExpectedGraph,
): readonly Issue[] {
  const width = task === 'multiclass' ? classes?.length : task === null ? undefined : 1;
  const expected = `float [rows, ${width ?? (task === 'multiclass' ? 'classes' : '1 or classes')}]`;
  const at = { pointer: '/outputs/score', expected };
  const score = outputs.find(({ name }) => name === 'score');
  if (score === undefined) {
    const names = outputs.map(({ name }) => `\`${name}\``).join(', ') || 'none';
    return [
      { ...at, detail: `output \`score\` is missing, expected ${expected}; outputs: ${names}` },
    ];
  }
  const isNumber = score.type === 'float' || score.type === 'double';
  if (isNumber && isColumn(score.shape, width)) return [];
  return [{ ...at, detail: `output \`score\` is ${describeTensor(score)}, expected ${expected}` }];
}

/** [rows, width] with a free first dimension; any width when it is not known. */
function isColumn(shape: readonly Dimension[] | null, width: number | undefined): boolean {
  return (
    shape?.length === 2 &&
    typeof shape[0] !== 'number' &&
    (width === undefined || typeof shape[1] !== 'number' || shape[1] === width)
  );
}

function describeTensor({ type, shape }: GraphTensor): string {
  if (shape === null) return `${type} without a shape`;
  return `${type} [${shape.map((size) => size ?? '?').join(', ')}]`;
}

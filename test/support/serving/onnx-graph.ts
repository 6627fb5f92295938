import { Writer } from 'protobufjs/minimal';

/** A generalised linear model as an ONNX graph, so that a test needs no Python. */
export interface LinearGraph {
  readonly bias: number;
  /** The weight per unit of a number, or a weight per text (0 for an unknown one). */
  readonly weights: Readonly<Record<string, number | Readonly<Record<string, number>>>>;
  /** `sigmoid` returns a probability, `identity` a value. */
  readonly link: 'sigmoid' | 'identity';
  /**
   * A probability for each class instead: the softmax of `slopes · sum + offsets`. `link` is then
   * not used.
   */
  readonly classes?: { readonly slopes: readonly number[]; readonly offsets: readonly number[] };
  /** Deviations from the contract, for tests of refusals. */
  readonly output?: string;
  readonly batch?: number;
  readonly inputType?: number;
  /**
   * A file with a constant of the graph, as large models have; it is a lower bound of the scores.
   */
  readonly constantFile?: string;
}

const float = 1;
const string = 8;

/**
 * Follows onnx.proto (ONNX 1.16, IR version 8) with its field numbers. NaN counts as 0, as in
 * trained pipelines with imputation.
 */
export function linearOnnx({
  bias,
  weights,
  link,
  classes,
  output = 'score',
  batch,
  inputType,
  constantFile,
}: LinearGraph): Uint8Array {
  const nodes: Uint8Array[] = [];
  const initializers = [tensor('bias', [bias]), tensor('zero', [0])];
  const inputs: Uint8Array[] = [];
  let sum = 'bias';
  for (const [name, weight] of Object.entries(weights)) {
    const text = typeof weight !== 'number';
    inputs.push(valueInfo(name, inputType ?? (text ? string : float), batch));
    if (text) {
      nodes.push(
        node(
          'LabelEncoder',
          [name],
          `${name}.term`,
          { keys_strings: Object.keys(weight), values_floats: Object.values(weight) },
          'ai.onnx.ml',
        ),
      );
    } else {
      initializers.push(tensor(`${name}.weight`, [weight]));
      nodes.push(
        node('IsNaN', [name], `${name}.missing`),
        node('Where', [`${name}.missing`, 'zero', name], `${name}.filled`),
      );
      nodes.push(node('Mul', [`${name}.filled`, `${name}.weight`], `${name}.term`));
    }
    nodes.push(node('Add', [sum, `${name}.term`], `${name}.sum`));
    sum = `${name}.sum`;
  }
  if (constantFile !== undefined) {
    initializers.push(externalTensor('constant', constantFile));
    nodes.push(node('Max', ['constant', sum], 'greater'));
    sum = 'greater';
  }
  if (classes === undefined)
    nodes.push(node(link === 'sigmoid' ? 'Sigmoid' : 'Identity', [sum], output));
  else {
    initializers.push(tensor('slopes', classes.slopes), tensor('offsets', classes.offsets));
    nodes.push(
      node('Mul', [sum, 'slopes'], 'sloped'),
      node('Add', ['sloped', 'offsets'], 'logits'),
      // Along the last axis, which is the default.
      node('Softmax', ['logits'], output),
    );
  }
  const graph = message([
    [1, nodes],
    [2, ['linear']],
    [5, initializers],
    [11, inputs],
    [12, [valueInfo(output, float, batch, classes?.slopes.length)]],
  ]);
  return message([
    [1, [8]],
    [7, [graph]],
    [
      8,
      [
        message([
          [1, ['']],
          [2, [17]],
        ]),
        message([
          [1, ['ai.onnx.ml']],
          [2, [3]],
        ]),
      ],
    ],
  ]);
}

type Field = readonly [number, readonly (string | number | Uint8Array)[]];

function message(fields: readonly Field[]): Uint8Array {
  const writer = Writer.create();
  for (const [field, values] of fields) {
    for (const value of values) {
      if (typeof value === 'number') writer.uint32(field << 3).int64(value);
      else if (typeof value === 'string') writer.uint32((field << 3) | 2).string(value);
      else writer.uint32((field << 3) | 2).bytes(value);
    }
  }
  return writer.finish();
}

function tensor(name: string, values: readonly number[]): Uint8Array {
  return message([
    [1, [values.length]],
    [2, [float]],
    [8, [name]],
    [9, [new Uint8Array(Float32Array.from(values).buffer)]],
  ]);
}

/** One float32, read from the start of a file. */
function externalTensor(name: string, file: string): Uint8Array {
  const entry = (key: string, value: string) =>
    message([
      [1, [key]],
      [2, [value]],
    ]);
  return message([
    [1, [1]],
    [2, [float]],
    [8, [name]],
    [13, [entry('location', file), entry('offset', '0'), entry('length', '4')]],
    [14, [1]],
  ]);
}

function valueInfo(name: string, type: number, batch: number | undefined, width = 1): Uint8Array {
  const rows: Field = batch === undefined ? [2, ['rows']] : [1, [batch]];
  const shape = message([[1, [message([rows]), message([[1, [width]]])]]]);
  const tensorType = message([
    [1, [type]],
    [2, [shape]],
  ]);
  return message([
    [1, [name]],
    [2, [message([[1, [tensorType]]])]],
  ]);
}

type Attributes = Readonly<Record<string, readonly string[] | readonly number[]>>;

function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: Attributes = {},
  domain = '',
): Uint8Array {
  return message([
    [1, inputs],
    [2, [output]],
    [3, [output]],
    [4, [operator]],
    [5, Object.entries(attributes).map(([name, values]) => attribute(name, values))],
    [7, [domain]],
  ]);
}

function attribute(name: string, values: readonly string[] | readonly number[]): Uint8Array {
  const writer = Writer.create()
    .uint32((1 << 3) | 2)
    .string(name);
  const texts = typeof values[0] === 'string';
  for (const value of values) {
    if (typeof value === 'string') writer.uint32((9 << 3) | 2).string(value);
    else writer.uint32((7 << 3) | 5).float(value);
  }
  return writer
    .uint32(20 << 3)
    .int32(texts ? 8 : 6)
    .finish();
}

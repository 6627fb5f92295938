import { isMap } from '../document/path';
import { publishedSchemas } from './published.schema';

/** The pages of `docs/reference`, by the kind of file that they describe. */
export const referenceKinds = {
  'model-lifecycle': {
    title: 'ModelLifecycle: every key of `lifecycle.yaml`',
    intro: [
      'A lifecycle of kind `ModelLifecycle` declares the life of a model of tables. `perennial lifecycle init <name> --data <file> --label <column>` writes one for a table.',
      '`lifecycle validate`, `plan` and `apply` make the same checks and report every error at once: YAML, keys, the trainer and its parameters, SQL, and the SQL against the columns of readable sources. A source that only a run can read and too little data are warnings.',
    ],
  },
  'llm-lifecycle': {
    title: 'LlmLifecycle: every key of `lifecycle.yaml`',
    intro: [
      'A lifecycle of kind `LlmLifecycle` declares the life of a language application. `perennial lifecycle init <name> --llm` writes one to start from; with `--index` it answers from documents. [docs/llm.md](../llm.md) explains the parts.',
    ],
  },
  contract: {
    title: 'Contract: rules for the rows of a source',
    intro: [
      'A contract is a file that a source of a lifecycle names in `spec.data.sources.<name>.contract`. It lists the rules for the rows of the source. Rows that break a rule go to quarantine. Several sources may name the same file. The rows of a source without a contract are not checked.',
    ],
  },
  prompt: {
    title: 'Prompt: messages with variables',
    intro: [
      'A prompt is a file that `spec.prompt.candidates` of a language application names. [docs/llm-evaluation.md](../llm-evaluation.md) explains prompts.',
    ],
  },
} as const;

export type ReferenceKind = keyof typeof referenceKinds;

/** Examples of keys that exclude others in the whole example. */
const alternativeExamples: Readonly<Record<ReferenceKind, readonly unknown[]>> = {
  'model-lifecycle': [
    {
      spec: {
        data: {
          split: { by: 'group', column: 'customer', tuning: 0.15, confirm: 0.1, holdout: 0.25 },
        },
        evaluate: {
          ungated: 'an experiment without traffic',
          gates: [{ class: 'damaged' }],
          errorBound: 600,
        },
        train: {
          compute: {
            image: 'registry.example.com/perennial-job:1',
            preemptible: true,
            nodes: 2,
          },
        },
        canary: {
          method: 'blueGreen',
          requireShadow: false,
          against: [5, 6],
          quality: { bound: 500 },
        },
        tune: {
          objectives: [
            { metric: 'logloss', direction: 'minimize' },
            { metric: 'auc', direction: 'maximize' },
          ],
          choose: 'balanced',
          warmStart: { from: 'late-orders@3' },
          space: { bagging_fraction: { when: { bagging_freq: [1, 5] } } },
        },
      },
    },
  ],
  'llm-lifecycle': [
    {
      spec: {
        evaluate: {
          ungated: 'a first trial',
          dimensions: [
            {
              rules: [
                { kind: 'anyOf', rules: [{ kind: 'contains', text: 'refund' }] },
                { kind: 'matches', pattern: '^[A-Z]' },
                { kind: 'json', schema: { type: 'object' } },
              ],
            },
          ],
        },
        fineTune: {
          examples: 'questions',
          compute: {
            gpus: 1,
            nodes: 1,
            queue: 'short',
            preemptible: true,
            maxPreemptions: 3,
            maxMemory: '8GiB',
            image: 'registry.example.com/perennial-job:1',
          },
        },
        canary: {
          method: 'blueGreen',
          requireShadow: false,
          quality: { measure: 'label', labels: ['returns', 'delivery'], largeHarm: 0.2 },
        },
      },
    },
  ],
  contract: [],
  prompt: [],
};

interface ReferenceKey {
  readonly path: readonly string[];
  readonly schema: ReferenceSchema;
  readonly required: boolean;
  readonly example: string | null;
}

/** The part of JSON Schema (draft 7) that zod writes. */
interface ReferenceSchema {
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, ReferenceSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: ReferenceSchema | boolean;
  readonly items?: ReferenceSchema;
  readonly anyOf?: readonly ReferenceSchema[];
  readonly oneOf?: readonly ReferenceSchema[];
  readonly not?: object;
  /** A section that a program writes. */
  readonly generated?: boolean;
  readonly type?: string | readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/**
 * One page as Markdown. `example`: a whole document as a value, and its text. @throws Error naming
 * each key that has neither an example nor a default.
 */
export function referencePage(
  kind: ReferenceKind,
  example: { readonly value: unknown; readonly text: string },
): string {
  const schema = publishedSchemas()[`${kind}.schema.json`] as ReferenceSchema;
  const keys = listKeys(schema, [], [example.value, ...alternativeExamples[kind]]);
  const without = keys.filter((each) => each.example === null).map(({ path }) => formatPath(path));
  if (without.length > 0)
    throw new Error(`docs/reference/examples/${kind}.yaml has no example of ${without.join(', ')}`);
  const { title, intro } = referenceKinds[kind];
  return [
    `# ${title}`,
    '',
    `<!-- Generated from the schema by scripts/reference-pages.ts; change the schema or the example, not this page. -->`,
    '',
    ...intro.flatMap((paragraph) => [paragraph, '']),
    `\`<name>\` stands for a name that you choose, \`[]\` for each item of a list. Keys marked * must be given. Unknown keys are errors that suggest the nearest valid key. The JSON Schema for editors is \`schemas/${kind}.schema.json\`.`,
    '',
    '| key | meaning | default | example |',
    '|---|---|---|---|',
    ...keys.map(row),
    '',
    '## A whole example',
    '',
    '```yaml',
    example.text.trimEnd(),
    '```',
    '',
  ].join('\n');
}

function row({ path, schema, required, example }: ReferenceKey): string {
  const meaning = describeMeaning(schema);
  const standard = schema.default === undefined ? '' : code(flow(schema.default));
  return `| ${code(formatPath(path))}${required ? '\\*' : ''} | ${cell(meaning)} | ${standard} | ${code(example ?? '')} |`;
}

/** Depth first in the order of the schema. `values`: the example's values at this place. */
function listKeys(
  schema: ReferenceSchema,
  path: readonly string[],
  values: readonly unknown[],
): readonly ReferenceKey[] {
  const found = new Map<string, ReferenceKey>();
  for (const each of objectsIn(schema)) {
    for (const [name, member] of Object.entries(each.properties ?? {})) {
      // Keys of a later version are rejected, and people do not write generated keys.
      if (member.not !== undefined || member.generated === true) continue;
      const inner = values.flatMap((value) =>
        isMap(value) && Object.hasOwn(value, name) ? [value[name]] : [],
      );
      const required = each.required?.includes(name) === true && member.default === undefined;
      for (const key of describeValue(member, [...path, name], inner, required)) {
        const id = formatPath(key.path);
        const before = found.get(id);
        found.set(id, before === undefined ? key : mergeKeys(before, key));
      }
    }
  }
  return [...found.values()];
}

/** Two kinds of a list may have the same key with different meanings. */
function mergeKeys(before: ReferenceKey, key: ReferenceKey): ReferenceKey {
  const [a, b] = [describeMeaning(before.schema), describeMeaning(key.schema)];
  const description = a === b || a.split('; or ').includes(b) ? a : `${a}; or ${b}`;
  return {
    ...before,
    required: before.required && key.required,
    example: before.example ?? key.example,
    schema: { ...before.schema, description },
  };
}

function describeValue(
  schema: ReferenceSchema,
  path: readonly string[],
  values: readonly unknown[],
  required: boolean,
): readonly ReferenceKey[] {
  const own: ReferenceKey = { path, schema, required, example: findExample(schema, path, values) };
  // A recursive list has the same keys again.
  if (path.slice(0, -1).includes(`${path.at(-1) ?? ''}[]`)) return [own];
  const entries = listEntries(schema);
  const children = [
    ...listKeys(schema, path, values),
    ...entries.flatMap(({ step, inner }) => {
      const below = values.flatMap((value) =>
        Array.isArray(value) ? (value as unknown[]) : isMap(value) ? Object.values(value) : [],
      );
      return listKeys(
        inner,
        [
          ...path.slice(0, -1),
          `${path.at(-1) ?? ''}${step === '[]' ? '[]' : ''}`,
          ...(step === '[]' ? [] : [step]),
        ],
        below,
      );
    }),
  ];
  return [own, ...children];
}

/** The schemas of a list's items and of a map's values. */
function listEntries(
  schema: ReferenceSchema,
): readonly { readonly step: '[]' | '<name>'; readonly inner: ReferenceSchema }[] {
  return alternatives(schema).flatMap(({ items, additionalProperties }) => [
    ...(items === undefined ? [] : [{ step: '[]' as const, inner: items }]),
    ...(typeof additionalProperties === 'object'
      ? [{ step: '<name>' as const, inner: additionalProperties }]
      : []),
  ]);
}

function objectsIn(schema: ReferenceSchema): readonly ReferenceSchema[] {
  return alternatives(schema).filter(({ properties }) => properties !== undefined);
}

function alternatives(schema: ReferenceSchema): readonly ReferenceSchema[] {
  const others = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return others.length === 0 ? [schema] : others.flatMap(alternatives);
}

/** Longer values are only in the whole example. */
const maxCharacters = 80;

function findExample(
  schema: ReferenceSchema,
  path: readonly string[],
  values: readonly unknown[],
): string | null {
  const name = path.at(-1) ?? '';
  const [first] = values;
  if (first !== undefined) {
    const text = `${name}: ${flow(first)}`;
    return text.length <= maxCharacters ? text : `${name}: …`;
  }
  if (schema.default !== undefined && schema.default !== null)
    return `${name}: ${flow(schema.default)}`;
  const [choice] = alternatives(schema).flatMap((each) =>
    each.const === undefined ? (each.enum ?? []) : [each.const],
  );
  return choice === undefined ? null : `${name}: ${flow(choice)}`;
}

function describeMeaning(schema: ReferenceSchema): string {
  return schema.description ?? (describeChoices(schema) || describeKind(schema));
}

function describeChoices(schema: ReferenceSchema): string {
  const choices = alternatives(schema).flatMap((each) =>
    each.const === undefined ? (each.enum ?? []) : [each.const],
  );
  return [...new Set(choices.map(String))].join(', ');
}

/** The type of a value as text, for a schema without a description. */
function describeKind(schema: ReferenceSchema): string {
  const words: Readonly<Record<string, string>> = {
    string: 'text',
    number: 'a number',
    integer: 'a whole number',
    boolean: 'true or false',
    object: 'a map',
    array: 'a list',
    null: 'null',
  };
  const named = alternatives(schema).flatMap(({ type, minimum, maximum }) => {
    const range = [
      ...(minimum === undefined ? [] : [`from ${minimum}`]),
      ...(maximum === undefined || maximum > 1e15 ? [] : [`to ${maximum}`]),
    ];
    return [type ?? []].flat().map((each) => [words[each] ?? each, ...range].join(' '));
  });
  return [...new Set(named)].join(' or ');
}

/** YAML on one line. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (isMap(value)) {
    const entries = Object.entries(value).map(([key, inner]) => `${key}: ${flow(inner)}`);
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  return typeof value === 'string' && /^[A-Za-z][\w ./@-]*$|^\d+[A-Za-z]+$/.test(value)
    ? value
    : JSON.stringify(value);
}

function formatPath(path: readonly string[]): string {
  return path.join('.');
}

function code(text: string): string {
  return text === '' ? '' : `\`${cell(text)}\``;
}

/** Escapes a bar, which would end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

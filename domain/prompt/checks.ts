import type { DocumentPath } from '../document/path';
import { nearest } from '../document/nearest';
import { fewShotCycle } from './few-shot';
import type { FewShot, PromptTemplate, PromptValue, PromptVariable } from './prompt';
import { parseTemplate, variableUses } from './syntax';

export interface PromptProblem {
  /** Inside the template. */
  readonly path: DocumentPath;
  readonly detail: string;
  readonly didYouMean?: string | undefined;
}

type Variables = PromptTemplate['variables'];

/** Errors of a template that do not depend on values, so that they are found early. */
export function promptProblems({
  messages,
  variables,
  fewShot,
}: PromptTemplate): readonly PromptProblem[] {
  const templates: (readonly [DocumentPath, string])[] = messages.map(({ template }, index) => [
    ['messages', index, 'template'],
    template,
  ]);
  if (fewShot) templates.push([['fewShot', 'template'], fewShot.template]);
  const used = new Set(
    templates.flatMap(([, template]) =>
      variableUses(parseTemplate(template).segments).map(({ name }) => name),
    ),
  );
  return [
    ...templates.flatMap(([path, template]) => templateProblems(path, template, variables)),
    ...Object.keys(variables).flatMap((name) =>
      used.has(name)
        ? []
        : [{ path: ['variables', name], detail: `no template uses the variable ${name}` }],
    ),
    ...(messages.some(({ role }) => role === 'user')
      ? []
      : [{ path: ['messages'], detail: 'there is no message with the role user' }]),
    ...messages.flatMap(({ role }, index) =>
      role === 'system' && index > 0
        ? [
            {
              path: ['messages', index, 'role'],
              detail: 'only the first message can have the role system',
            },
          ]
        : [],
    ),
    ...(fewShot ? fewShotProblems(fewShot, variables) : []),
  ];
}

function templateProblems(
  path: DocumentPath,
  template: string,
  variables: Variables,
): readonly PromptProblem[] {
  const { segments, problems } = parseTemplate(template);
  return [
    ...problems.map((detail) => ({ path, detail })),
    ...variableUses(segments).flatMap(({ name, as }): readonly PromptProblem[] => {
      const type = findVariable(variables, name)?.type;
      if (type === undefined) {
        return [
          {
            path,
            detail: `unknown variable ${name}`,
            didYouMean: nearest(name, Object.keys(variables)) ?? undefined,
          },
        ];
      }
      if (as === 'list' && type !== 'list')
        return [{ path, detail: `{{#${name}}} repeats a list, but ${name} is a ${type}` }];
      return as === 'value' && type === 'list'
        ? [{ path, detail: `${name} is a list: write {{#${name}}}{{.}}{{/${name}}}` }]
        : [];
    }),
  ];
}

function fewShotProblems(
  { use, template, sets }: FewShot,
  variables: Variables,
): readonly PromptProblem[] {
  const names = Object.keys(sets);
  const checkVariable = (path: DocumentPath, name: string): readonly PromptProblem[] =>
    names.includes(name)
      ? []
      : [
          {
            path,
            detail: `there is no few-shot set ${name}`,
            didYouMean: nearest(name, names) ?? undefined,
          },
        ];
  const wanted = [
    ...new Set(variableUses(parseTemplate(template).segments).map(({ name }) => name)),
  ];
  const cycle = fewShotCycle(sets);
  return [
    ...checkVariable(['fewShot', 'use'], use),
    ...(cycle
      ? [
          {
            path: ['fewShot', 'sets', cycle[0] ?? '', 'include'],
            detail: `few-shot sets include each other: ${cycle.join(' → ')}`,
          },
        ]
      : []),
    ...Object.entries(sets).flatMap(([name, { include, examples }]) => [
      ...include.flatMap((included, index) =>
        checkVariable(['fewShot', 'sets', name, 'include', index], included),
      ),
      ...examples.flatMap(({ input }, index) =>
        valueProblems({ values: input, variables, wanted }).map(({ path, ...rest }) => ({
          path: ['fewShot', 'sets', name, 'examples', index, 'input', ...path],
          ...rest,
        })),
      ),
    ]),
  ];
}

/** Missing, unknown and wrongly typed values for the variables in `wanted`. */
export function valueProblems(given: {
  readonly values: Readonly<Record<string, unknown>>;
  readonly variables: Variables;
  readonly wanted: readonly string[];
}): readonly PromptProblem[] {
  const { values, variables, wanted } = given;
  const missing = wanted.filter(
    (name) => findVariable(variables, name) !== undefined && !Object.hasOwn(values, name),
  );
  return [
    ...Object.entries(values).flatMap(([name, value]): readonly PromptProblem[] => {
      const type = findVariable(variables, name)?.type;
      if (type === undefined || !wanted.includes(name)) {
        return [
          {
            path: [name],
            detail: `unknown variable ${name}`,
            didYouMean: nearest(name, missing) ?? undefined,
          },
        ];
      }
      return fits(value, type) ? [] : [{ path: [name], detail: `${name} must be ${words[type]}` }];
    }),
    ...missing.map((name) => ({ path: [], detail: `the variable ${name} has no value` })),
  ];
}

const words = {
  string: 'text',
  number: 'a number',
  list: 'a list of texts',
} as const satisfies Record<PromptVariable['type'], string>;

function fits(value: unknown, type: PromptVariable['type']): value is PromptValue {
  if (type === 'list')
    return Array.isArray(value) && value.every((item) => typeof item === 'string');
  return type === 'string'
    ? typeof value === 'string'
    : typeof value === 'number' && Number.isFinite(value);
}

/** Own keys only, because a variable may be called `constructor`. */
function findVariable(variables: Variables, name: string): PromptVariable | undefined {
  return Object.hasOwn(variables, name) ? variables[name] : undefined;
}

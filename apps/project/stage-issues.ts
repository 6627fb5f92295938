/** Errors in the stages of a project and in the calls of lifecycles to them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { nearest } from '../../domain/document/nearest';
import type { Issue } from '../../domain/failure';
import type { StageDefinition } from '../../domain/project/stage';
import { isBuiltInStage } from '../../domain/lifecycle/stages';
import { isStageDefinition } from '../../domain/project/stage';
import { findPlace } from './source-place';

interface StagesModule {
  readonly folder: string;
  /** The module that exports the stages. */
  readonly path: string;
  readonly exports: Readonly<Record<string, unknown>>;
}

/** Stages without a schema, stages of one name, and stages with the name of a built-in one. */
export function stageIssues({ folder, path, exports }: StagesModule): readonly Issue[] {
  const places = stagePlaces(folder, path);
  const listPlaces = (name: string): readonly StageNamePlace[] => {
    const found = places.filter((place) => place.name === name);
    return found.length > 0 ? found : [{ name, file: relative(folder, path) }];
  };
  const found: Issue[] = [];
  const names = new Map<string, number>();
  for (const [exported, value] of Object.entries(exports)) {
    const missing = missingPart(value);
    const { name } = value as Partial<StageDefinition>;
    if (missing !== null) {
      const [place] = listPlaces(name ?? exported);
      found.push({
        pointer: '',
        ...placeFields(place),
        detail: `stage ${name ?? exported} has no ${missing.what}`,
        expected: missing.expected,
      });
    } else if (isStageDefinition(value)) names.set(value.name, (names.get(value.name) ?? 0) + 1);
  }
  for (const [name, count] of names) {
    const detail = isBuiltInStage(name)
      ? `${name} is the name of a built-in stage`
      : `${count} stages have the name ${name}`;
    if (count < 2 && !isBuiltInStage(name)) continue;
    for (const place of listPlaces(name))
      found.push({
        pointer: '',
        ...placeFields(place),
        detail,
        expected: 'another name in each defineStage',
      });
  }
  return found;
}

/** What a value lacks that looks like a stage; null for stages and for other values. */
function missingPart(value: unknown): { readonly what: string; readonly expected: string } | null {
  if (typeof value !== 'object' || value === null || isStageDefinition(value)) return null;
  const { name, run, input, output } = value as Partial<Record<string, unknown>>;
  if (typeof run !== 'function' || !(typeof name === 'string' || input || output)) return null;
  if (typeof name !== 'string') return { what: 'name', expected: "name: 'my_stage'" };
  const isSchema = (schema: unknown): boolean =>
    typeof (schema as { readonly safeParse?: unknown } | undefined)?.safeParse === 'function';
  const what = isSchema(input) ? 'output' : 'input';
  return { what: `${what} schema`, expected: `${what}: z.object({ … }), with z of perennial` };
}

interface StageNamePlace {
  readonly name: string;
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

function placeFields(place: StageNamePlace | undefined): Pick<Issue, 'file' | 'line' | 'column'> {
  if (!place) return {};
  const { file, line, column } = place;
  return line === undefined || column === undefined ? { file } : { file, line, column };
}

/** The `name: '…'` of each stage in the sources beside the module. */
function stagePlaces(folder: string, path: string): readonly StageNamePlace[] {
  const files =
    basename(path) === 'index.ts'
      ? readdirSync(dirname(path), { recursive: true, encoding: 'utf8' })
          .filter((name) => name.endsWith('.ts'))
          .sort()
          .map((name) => join(dirname(path), name))
      : [path];
  return files.filter(existsSync).flatMap((file) => {
    const source = parse(file);
    const places: StageNamePlace[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && node.expression.getText(source) === 'defineStage') {
        const [stage] = node.arguments;
        const properties = stage && ts.isObjectLiteralExpression(stage) ? stage.properties : [];
        for (const property of properties)
          if (
            ts.isPropertyAssignment(property) &&
            property.name.getText(source) === 'name' &&
            ts.isStringLiteralLike(property.initializer)
          )
            places.push({
              name: property.initializer.text,
              ...findPlace(folder, source, property),
            });
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    return places;
  });
}

/** Functions of a run whose first argument is the name of a stage or of a Python step. */
const namingCalls = {
  stage: { functions: ['stage', 'map'], expected: 'a stage that stages/ exports' },
  step: { functions: ['step', 'mapStep'], expected: 'a function in steps/ with @step' },
} as const;

/** Calls of lifecycles, such as `run.stage('…')`, that name what the project does not have. */
export function unknownNameIssues(
  folder: string,
  lifecycles: readonly string[],
  { what, known }: { readonly what: keyof typeof namingCalls; readonly known: readonly string[] },
): readonly Issue[] {
  const { functions, expected } = namingCalls[what];
  return lifecycles.flatMap((path) => {
    const source = parse(path);
    const issues: Issue[] = [];
    const visit = (node: ts.Node): void => {
      if (
        ts.isCallExpression(node) &&
        ts.isPropertyAccessExpression(node.expression) &&
        (functions as readonly string[]).includes(node.expression.name.text)
      ) {
        const [name] = node.arguments;
        if (name && ts.isStringLiteralLike(name) && !known.includes(name.text)) {
          const near = nearest(name.text, known);
          issues.push({
            pointer: '',
            ...findPlace(folder, source, name),
            detail: `the project has no ${what} ${name.text}`,
            ...(near === null ? { expected } : { didYouMean: near }),
          });
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    return issues;
  });
}

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true);
}

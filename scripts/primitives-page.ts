/** The page of docs/reference with the functions of a run, from their doc comments. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '..');

/** The interfaces with the functions of a run, and the title of each. */
const groups = [
  {
    title: 'Functions of every project',
    file: 'workflows/project/functions.ts',
    name: 'ProjectFunctions',
  },
  {
    title: 'Built-in stages of a model',
    file: 'workflows/lifecycle/model-run.ts',
    name: 'ModelLifecycleRun',
  },
  {
    title: 'Built-in stages of a language application',
    file: 'workflows/lifecycle/llm-run.ts',
    name: 'LlmLifecycleRun',
  },
] as const;

/** Types of options and results, which the signatures name. */
const types = [
  { file: 'domain/project/map.ts', name: 'StageMapOptions' },
  { file: 'domain/project/map.ts', name: 'StageMapResult' },
  { file: 'domain/project/command.ts', name: 'CommandOptions' },
  { file: 'domain/project/command.ts', name: 'CommandResult' },
  { file: 'domain/project/sent-event.ts', name: 'ReceivedEvent' },
  { file: 'workflows/project/approval-calls.ts', name: 'ApprovalOptions' },
  { file: 'workflows/project/approval-calls.ts', name: 'Approval' },
  { file: 'domain/project/child-run.ts', name: 'ChildRun' },
  { file: 'domain/project/decision-policy.ts', name: 'DecisionPolicy' },
  { file: 'domain/project/decision-policy.ts', name: 'LanguageDecisionPolicy' },
  { file: 'workflows/project/decision-calls.ts', name: 'DecisionEvidence' },
  { file: 'workflows/project/decision-calls.ts', name: 'DecisionResult' },
  { file: 'workflows/lifecycle/model-run.ts', name: 'StageResult' },
  { file: 'workflows/lifecycle/stages/ingest.ts', name: 'SourceDatasets' },
  { file: 'workflows/lifecycle/llm-run.ts', name: 'PromptBundles' },
  { file: 'workflows/lifecycle/stages/prompt-eval.ts', name: 'ChosenPrompt' },
  { file: 'workflows/lifecycle/llm-run.ts', name: 'BundleCandidate' },
  { file: 'workflows/lifecycle/llm-run.ts', name: 'LanguageEvaluation' },
] as const;

export function primitivesPage(): string {
  return [
    '# Functions of a lifecycle',
    '',
    'The function of a lifecycle gets a run with these members ([tutorial](../authoring.md)). That of',
    '`lifecycle` has the built-in stages of a model, and that of `languageLifecycle` those of a language',
    'application. This page is generated from their doc comments.',
    ...groups.flatMap(({ title, file, name }) => ['', `## ${title}`, ...members(file, name)]),
    '',
    '## Options and results',
    ...types.flatMap(({ file, name }) => [
      '',
      `### ${name}`,
      '',
      '```text',
      dedented(typeNamed(file, name).getText()),
      '```',
    ]),
    '',
  ].join('\n');
}

function members(file: string, name: string): readonly string[] {
  const found = typeNamed(file, name);
  if (!ts.isInterfaceDeclaration(found)) throw new Error(`${file}: ${name} is no interface`);
  return found.members.flatMap((member) => {
    const title = member.name?.getText() ?? '';
    const text = readComment(member);
    if (text === null) throw new Error(`${file}: ${name}.${title} has no doc comment`);
    return [
      '',
      `### run.${title}`,
      '',
      ...wrapped(text),
      '',
      '```text',
      dedented(member.getText()),
      '```',
    ];
  });
}

function typeNamed(file: string, name: string): ts.InterfaceDeclaration | ts.TypeAliasDeclaration {
  const source = ts.createSourceFile(
    file,
    readFileSync(join(root, file), 'utf8'),
    ts.ScriptTarget.ES2022,
    true,
  );
  const found = source.statements.find(
    (each): each is ts.InterfaceDeclaration | ts.TypeAliasDeclaration =>
      (ts.isInterfaceDeclaration(each) || ts.isTypeAliasDeclaration(each)) &&
      each.name.text === name,
  );
  if (!found) throw new Error(`${file} has no type ${name}`);
  return found;
}

function readComment(node: ts.Node): string | null {
  const [doc] = ts.getJSDocCommentsAndTags(node);
  const text = doc && ts.getTextOfJSDocComment(doc.comment);
  return text === undefined || text === '' ? null : text.replaceAll(/\s*\n\s*/g, ' ');
}

/** Lines of at most 100 characters. */
function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 100)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Members of an interface are indented. */
function dedented(text: string): string {
  const lines = text.split('\n');
  const last = /^ */.exec(lines.at(-1) ?? '')?.[0].length ?? 0;
  return lines.map((line, at) => (at === 0 ? line : line.slice(last))).join('\n');
}

import type { SourceDocument } from '../document/document';
import { objectDocument } from '../document/document';
import { apiVersion } from '../document/api-version';
import type { ParseResult } from '../document/schema-issues.schema';
import { parseWithSchema } from '../document/schema-issues.schema';
import { yamlDocument } from '../document/yaml-document.schema';
import type { PromptTemplate } from './prompt';
import { promptProblems } from './checks';
import { promptSchema, storedPromptSchema } from './prompt.schema';

/** Reads a `Prompt` document, as text or object: the template, or all errors in it. */
export function readPrompt(document: unknown, fileName: string): ParseResult<PromptTemplate> {
  return promptBy(promptSchema, document, fileName);
}

/** Reads a prompt that was accepted before, without the checks that were added since. */
export function readStoredPrompt(text: string, fileName: string): ParseResult<PromptTemplate> {
  return promptBy(storedPromptSchema, text, fileName);
}

function promptBy(
  schema: typeof promptSchema,
  document: unknown,
  fileName: string,
): ParseResult<PromptTemplate> {
  const written =
    typeof document === 'string'
      ? yamlDocument(document, fileName)
      : objectDocument(document, fileName);
  if (written.issues.length > 0) return { ok: false, issues: written.issues };
  const read = parseWithSchema(schema, written);
  if (!read.ok) return read;
  const { metadata, spec } = read.value;
  const lastOfUser = spec.messages.findLast(({ role }) => role === 'user');
  const prompt: PromptTemplate = {
    name: metadata.name,
    messages: spec.messages,
    variables: spec.variables,
    fewShot: spec.fewShot
      ? { ...spec.fewShot, template: spec.fewShot.template ?? lastOfUser?.template ?? '' }
      : null,
    answerSchema: spec.answer?.schema ?? null,
    ...(spec.callerSystemMessages === 'allowed' && { callerSystemMessages: 'allowed' as const }),
  };
  const issues = listIssues(prompt, written);
  return issues.length > 0 ? { ok: false, issues } : { ok: true, value: prompt };
}

function listIssues(prompt: PromptTemplate, { issueAt }: SourceDocument) {
  return promptProblems(prompt).map(({ path, detail, didYouMean }) =>
    issueAt(['spec', ...path], detail, { didYouMean }),
  );
}

/** The inverse of `readPrompt`: the document of a template. */
export function toPromptDocument({
  name,
  messages,
  variables,
  fewShot,
  answerSchema,
  callerSystemMessages,
}: PromptTemplate) {
  return {
    apiVersion,
    kind: 'Prompt' as const,
    metadata: { name },
    spec: {
      variables,
      messages,
      ...(fewShot && { fewShot }),
      ...(answerSchema && { answer: { schema: answerSchema } }),
      ...(callerSystemMessages && { callerSystemMessages }),
    },
  };
}

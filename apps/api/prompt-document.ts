import { invalid } from '../../domain/issue-text';
import type { PromptTemplate } from '../../domain/llm/prompt';
import { readPrompt } from '../../domain/llm/prompt-document';

/** The template that a document writes down, which must be the one that the path names. @throws InvalidInput with every mistake at once. */
export function readPromptNamed(name: string, document: string | Readonly<Record<string, unknown>>, fileName: string): PromptTemplate {
  const read = readPrompt(document, fileName);
  if (!read.ok) throw invalid(fileName, read.issues);
  if (read.value.name === name) return read.value;
  throw invalid(fileName, [{ pointer: '/metadata/name', detail: `metadata.name is ${read.value.name}, but the path says ${name}` }]);
}

import type { OffThread } from '../../../data/off-thread/off-thread';
import { invalidInput } from '../../../domain/document/issue-text';
import type { PromptTemplate } from '../../../domain/prompt/prompt';
import { readTimeLimitMs, requireInTime } from '../read-document';

/**
 * The template of a document, whose name must match the path.
 * @throws InvalidInput with all errors together.
 */
export async function readPromptDocument(
  offThread: OffThread,
  {
    name,
    document,
    fileName,
  }: {
    readonly name: string;
    readonly document: string | Readonly<Record<string, unknown>>;
    readonly fileName: string;
  },
): Promise<PromptTemplate> {
  const read = requireInTime(
    fileName,
    await offThread.run('readPrompt', { document, fileName }, { deadlineMs: readTimeLimitMs }),
  );
  if (!read.ok) throw invalidInput(fileName, read.issues);
  if (read.value.name === name) return read.value;
  throw invalidInput(fileName, [
    {
      pointer: '/metadata/name',
      detail: `metadata.name is ${read.value.name}, but the path says ${name}`,
    },
  ]);
}

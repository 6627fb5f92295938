import { z } from 'zod';
import type { JobOutput, JobResult } from '../../domain/training/job';
import { failure } from '../../domain/failure';
import { stageValueBytes } from '../../domain/project/stage';

/** As trainers/runtime/step/run.py writes it. */
const stepFactsSchema = z.object({
  output: z.unknown(),
  /** Where the output has a table or file, and its name among the job's outputs. */
  references: z.array(z.object({ pointer: z.string(), name: z.string() })),
});

/** The output of a step with the references to its tables and files. */
export function stepOutput(
  place: string,
  { facts }: JobResult,
  outputs: readonly JobOutput[],
): unknown {
  const parsed = stepFactsSchema.safeParse(facts);
  if (!parsed.success)
    throw failure('JobWithoutResult', `${place} wrote a result.json without an output`);
  let output: unknown = parsed.data.output ?? null;
  for (const { pointer, name } of parsed.data.references) {
    const artifact = outputs.find((each) => each.name === name)?.artifact;
    if (!artifact) throw failure('JobWithoutResult', `${place} wrote no outputs/${name}`);
    output = withValueAt(output, parsePointer(pointer), artifact);
  }
  const bytes = Buffer.byteLength(JSON.stringify(output));
  // The runtime checks it too, but not with the references, of which there may be many.
  if (bytes > stageValueBytes)
    throw failure(
      'JobFailed',
      `${place}: the result has ${bytes} bytes of JSON; the limit is ${stageValueBytes} bytes`,
      { next: 'Return the data as one Table or File' },
    );
  return output;
}

/** The parts of a JSON pointer (RFC 6901). */
function parsePointer(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function withValueAt(document: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(document))
    return document.map((item: unknown, index) =>
      String(index) === key ? withValueAt(item, rest, value) : item,
    );
  const members = (document ?? {}) as Readonly<Record<string, unknown>>;
  return { ...members, [key]: withValueAt(members[key], rest, value) };
}

import { z } from 'zod';
import type { Issue } from '../../../domain/failure';
import { bodyIssues, invalidBody } from '../openai-body';

/** The texts per request, as at OpenAI. */
const maxTexts = 2048;

const tokens =
  'must be texts, because tokens belong to one tokenizer and this index may use another one';

export const embeddingsRequestSchema = z.strictObject({
  model: z
    .string({ error: 'must be the name of an index, such as wiki or wiki@3' })
    .min(1)
    .max(200),
  input: z.union([z.string(), z.array(z.string()).min(1, 'must contain a text').max(maxTexts)], {
    error: unreadable,
  }),
  encoding_format: z.enum(['float', 'base64'], { error: 'must be float or base64' }).nullish(),
  dimensions: z.int().min(1).nullish(),
  user: z.string().max(500).nullish(),
});

/** The body of `POST /v1/embeddings`. */
export interface EmbeddingsBody {
  readonly model: string;
  readonly texts: readonly string[];
  readonly encoding: 'float' | 'base64';
  /** The expected dimensions; a request with another number than the embedder's is refused. */
  readonly dimensions: number | null;
}

/** Parse the body. Throws InvalidInput with every error and its path. */
export function parseEmbeddingsBody(body: unknown): EmbeddingsBody {
  const read = embeddingsRequestSchema.safeParse(body);
  if (!read.success) throw invalidBody(read.error.issues.flatMap(bodyIssues));
  const { model, input, encoding_format: encoding, dimensions } = read.data;
  const texts = typeof input === 'string' ? [input] : input;
  const empty = texts.flatMap((text, place): readonly Issue[] =>
    text.trim() === ''
      ? [{ pointer: `/input/${place}`, detail: `input.${place}: an empty text cannot be embedded` }]
      : [],
  );
  if (empty.length > 0) throw invalidBody(empty);
  return { model, texts, encoding: encoding ?? 'float', dimensions: dimensions ?? null };
}

function unreadable({ input }: { readonly input?: unknown }): string {
  if (!Array.isArray(input)) return 'must be a text, or a list of texts';
  if (input.length === 0) return 'must contain a text';
  if (input.every((each) => typeof each === 'number' || Array.isArray(each))) return tokens;
  if (input.length > maxTexts)
    return `has ${input.length} texts, more than the limit of ${maxTexts} per request`;
  return 'must be a text, or a list of texts';
}

/**
 * Requests a streamed chat completion like any OpenAI client. The last piece names the cited
 * sources.
 */
import { request } from 'undici';
import { CliError } from '../cli-error';
import { eventMessages } from '../../client/event-messages';

export interface StreamedAnswer {
  readonly text: string;
  /** `wiki-assistant@2` */
  readonly version: string;
  readonly pieces: number;
  readonly firstPieceMs: number;
  readonly sources: readonly {
    readonly number: number;
    readonly title: string | null;
    readonly cited: boolean;
  }[];
}

interface AnswerChunk {
  readonly model: string;
  readonly error?: { readonly message: string };
  readonly choices?: readonly { readonly delta: { readonly content?: string } }[];
  readonly perennial?: { readonly sources: StreamedAnswer['sources'] };
}

export async function askStreamed({
  gatewayUrl,
  apiKey,
  model,
  question,
}: {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly model: string;
  readonly question: string;
}): Promise<StreamedAnswer> {
  const sentAt = performance.now();
  const { statusCode, body } = await request(`${gatewayUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: question }] }),
  });
  if (statusCode !== 200)
    throw new CliError(`${gatewayUrl} responded with ${statusCode}: ${await body.text()}`, 1);
  const chunks: { readonly chunk: AnswerChunk; readonly at: number }[] = [];
  for await (const { data } of eventMessages(body))
    if (data !== '[DONE]')
      chunks.push({ chunk: JSON.parse(data) as AnswerChunk, at: performance.now() });
  const broken = chunks.find(({ chunk }) => chunk.error);
  if (broken)
    throw new CliError(`the answer was interrupted: ${broken.chunk.error?.message ?? ''}`, 1);
  const pieces = chunks.filter(({ chunk }) => (chunk.choices?.[0]?.delta.content ?? '') !== '');
  return {
    text: pieces.map(({ chunk }) => chunk.choices?.[0]?.delta.content ?? '').join(''),
    version: chunks[0]?.chunk.model ?? '',
    pieces: pieces.length,
    firstPieceMs: (pieces[0]?.at ?? performance.now()) - sentAt,
    sources: chunks.findLast(({ chunk }) => chunk.perennial)?.chunk.perennial?.sources ?? [],
  };
}

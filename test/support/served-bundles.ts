import type { ModelProvider } from '../../data/llm/provider';
import { digestOf } from '../../data/digest';
import type { ArtifactRef } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { ReleaseBundle } from '../../domain/llm/bundle';
import type { ChatRequest } from '../../domain/llm/chat';
import type { PromptTemplate } from '../../domain/llm/prompt';

/** Answers as its instruction says, so that an answer shows which version gave it. */
export function questionPrompt(instruction: string): PromptTemplate {
  return {
    name: 'answer',
    messages: [
      { role: 'system', template: instruction },
      { role: 'user', template: 'Question: {{question}}' },
    ],
    variables: { question: { type: 'string', description: 'what the user wants to know' } },
    fewShot: null,
    answerSchema: null,
  };
}

/** The bundle's bytes and what it names, through `put`. */
export async function putBundle(
  put: (bytes: Uint8Array) => ArtifactRef | Promise<ArtifactRef>,
  { model = 'wiki-assistant', prompt, ...change }: Omit<Partial<ReleaseBundle>, 'prompt'> & { readonly prompt: PromptTemplate },
): Promise<ArtifactRef> {
  const artifact = await put(Buffer.from(JSON.stringify(prompt)));
  const bundle: ReleaseBundle = {
    kind: 'bundle',
    model,
    signature: { task: 'chat', input: 'question' },
    base: { provider: 'parrot', model: 'parrot-1', adapter: null },
    prompt: { name: prompt.name, digest: digestOf(prompt), artifact },
    sampling: { temperature: 0, topP: 1, maxTokens: 32, seed: 7, stop: [] },
    ...change,
  };
  return put(Buffer.from(JSON.stringify(bundle)));
}

export interface Parrot extends ModelProvider {
  readonly asked: ChatRequest[];
  /** Breaks off after so many words. */
  breakAfter: number;
}

/** A provider that repeats what it was told, word by word. */
export function parrot(): Parrot {
  const provider: Parrot = {
    name: 'parrot',
    asked: [],
    breakAfter: Infinity,
    models: () => Promise.resolve(['parrot-1']),
    embed: () => Promise.reject(failure('ModelNotFound', 'the parrot embeds nothing')),
    async chat(request, { onText, signal }) {
      provider.asked.push(request);
      const words = request.messages
        .map(({ content }) => content)
        .join(' / ')
        .split(' ');
      const said = words.slice(0, request.sampling.maxTokens);
      for (const [index, word] of said.entries()) {
        await new Promise((turn) => setImmediate(turn));
        signal?.throwIfAborted();
        if (index >= provider.breakAfter) throw failure('ProviderUnavailable', 'the parrot flew away');
        onText?.(index === 0 ? word : ` ${word}`);
      }
      return {
        text: said.join(' '),
        finish: said.length < words.length ? 'length' : 'stop',
        usage: { promptTokens: words.length, completionTokens: said.length },
        model: request.model,
        firstTokenMs: onText ? 1 : null,
        totalMs: 1,
      };
    },
  };
  return provider;
}

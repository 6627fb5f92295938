import type { ModelAccess } from '../../../data/language/model-access';
import type { Question } from '../../../data/language/attempt';
import { computeDigest } from '../../../data/digest';
import type { ArtifactRef } from '../../../domain/artifact';
import { failure } from '../../../domain/failure';
import type { ReleaseBundle } from '../../../domain/bundle/bundle';
import type { ChatAnswer } from '../../../domain/chat/chat';
import type { PromptTemplate } from '../../../domain/prompt/prompt';
import type { SafetyPolicy } from '../../../domain/safety/policy';

/** The answer contains the instruction, so it shows which version gave it. */
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

/** The bytes of the bundle and of its parts, stored through `put`. */
export async function putBundle(
  put: (bytes: Uint8Array) => ArtifactRef | Promise<ArtifactRef>,
  {
    model = 'wiki-assistant',
    prompt,
    policy,
    ...change
  }: Omit<Partial<ReleaseBundle>, 'prompt' | 'safety'> & {
    readonly prompt: PromptTemplate;
    readonly policy?: SafetyPolicy | undefined;
  },
): Promise<ArtifactRef> {
  const artifact = await put(Buffer.from(JSON.stringify(prompt)));
  const bundle: ReleaseBundle = {
    kind: 'bundle',
    model,
    signature: { task: 'chat', input: 'question' },
    base: { provider: 'parrot', model: 'parrot-1', adapter: null, standby: [] },
    safety: policy
      ? {
          name: policy.name,
          digest: computeDigest(policy),
          artifact: await put(Buffer.from(JSON.stringify(policy))),
        }
      : null,
    prompt: { name: prompt.name, digest: computeDigest(prompt), artifact },
    sampling: { temperature: 0, topP: 1, maxTokens: 32, seed: 7, stop: [] },
    index: null,
    ...change,
  };
  return put(Buffer.from(JSON.stringify(bundle)));
}

export interface Parrot extends Pick<
  ModelAccess,
  'chat' | 'models' | 'rerank' | 'requireProvider'
> {
  readonly asked: Question[];
  /** Breaks off after this many words. */
  breakAfter: number;
  /** Stopped by the provider's own filter. */
  withholds: boolean;
}

/** A model that repeats its input, word by word. */
export function parrot(): Parrot {
  const bird: Parrot = {
    asked: [],
    breakAfter: Infinity,
    withholds: false,
    models: () => Promise.resolve(['parrot-1']),
    rerank: () => Promise.reject(failure('ProviderRefused', 'a parrot ranks nothing')),
    requireProvider: () => undefined,
    async chat([target], request, { onText, signal }) {
      bird.asked.push(request);
      const words = request.messages
        .map(({ content }) => content)
        .join(' / ')
        .split(' ');
      const said = bird.withholds ? [] : words.slice(0, request.sampling.maxTokens);
      for (const [index, word] of said.entries()) {
        await new Promise((turn) => setImmediate(turn));
        signal?.throwIfAborted();
        if (index >= bird.breakAfter) throw failure('ProviderUnavailable', 'the parrot flew away');
        await onText?.(index === 0 ? word : ` ${word}`);
      }
      const answer: ChatAnswer = {
        text: said.join(' '),
        finish: bird.withholds ? 'filtered' : said.length < words.length ? 'length' : 'stop',
        usage: { promptTokens: words.length, completionTokens: said.length },
        model: target?.model ?? '',
        firstTokenMs: onText ? 1 : null,
        totalMs: 1,
      };
      return { answer, provider: 'parrot' };
    },
  };
  return bird;
}

import { failure } from '../../domain/failure';
import { withinProviderTime } from './provider/attempt';
import type { AccessOptions, Answered, ModelTarget, Question } from './model-access';
import { onRecord } from './on-record';
import type { ProviderModeration } from './provider/openai-moderation';
import type { ProviderGate } from './provider/provider-gate';

/** @throws InvalidInput for a provider that has none */
export function moderationOf({ provider }: ProviderGate): ProviderModeration {
  if (provider.moderation) return provider.moderation;
  throw failure('InvalidInput', `${provider.name} has no moderation in its protocol`, {
    next: 'name a provider with protocol: openai, or a detector of kind: guardModel',
  });
}

/**
 * A text has no tokens that are counted here, so that what it costs is nothing; a provider that
 * bills moderations bills them by itself.
 */
export function moderateOnce(
  gate: ProviderGate,
  moderation: ProviderModeration,
  target: ModelTarget,
  question: Question,
  options: AccessOptions,
): Promise<Answered> {
  const { totalMs } = gate.settings.timeouts;
  const { model } = target;
  const text = question.messages.at(-1)?.content ?? '';
  return onRecord(gate, target, question, options, async (_request, sent) => {
    const startedAt = performance.now();
    const what = `${target.provider} (${model}) did not end its moderation`;
    const verdict = await withinProviderTime(totalMs, options.signal, what, (signal) =>
      moderation.moderate({ model, text }, { signal, ...sent }),
    );
    const usage = { promptTokens: 0, completionTokens: 0 };
    const ms = performance.now() - startedAt;
    return {
      text: JSON.stringify(verdict),
      finish: 'stop',
      usage,
      model,
      firstTokenMs: null,
      totalMs: ms,
    };
  });
}

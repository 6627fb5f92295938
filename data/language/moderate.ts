import { failure } from '../../domain/failure';
import { withinProviderTime } from './provider/attempt';
import type { AccessOptions, ModelTarget, Question, RoutedAnswer } from './attempt';
import { withAttemptJournal } from './attempt-journal';
import type { ProviderModeration } from './provider/openai-moderation';
import type { ProviderGate } from './provider/provider-gate';

/** @throws InvalidInput for a provider without moderation */
export function requireModeration({ provider }: ProviderGate): ProviderModeration {
  if (provider.moderation) return provider.moderation;
  throw failure('InvalidInput', `the protocol of provider ${provider.name} has no moderation`, {
    next: 'use a provider with protocol: openai, or a detector of kind: guardModel',
  });
}

/** Moderation counts as free: the protocol reports no tokens for it. */
export function sendModeration(
  gate: ProviderGate,
  moderation: ProviderModeration,
  target: ModelTarget,
  question: Question,
  options: AccessOptions,
): Promise<RoutedAnswer> {
  const { totalMs } = gate.settings.timeouts;
  const { model } = target;
  const text = question.messages.at(-1)?.content ?? '';
  return withAttemptJournal(gate, target, question, options, async (_request, sent) => {
    const startedAt = performance.now();
    const what = `provider ${target.provider} (${model}) did not complete the moderation`;
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

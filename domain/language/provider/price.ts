import { budgetUnits } from '../../budget/budget';
import type { ChatRequest, Usage } from '../chat';

/**
 * A model's price list, in US dollars for a million tokens. Nothing for a model that runs on one's
 * own machine.
 */
export interface Price {
  readonly promptPerMillion: number;
  readonly completionPerMillion: number;
}

export const free: Price = { promptPerMillion: 0, completionPerMillion: 0 };

/** In nanodollars, rounded up: a price list in thousandths of a dollar gives whole ones. */
export function costOf({ promptTokens, completionTokens }: Usage, price: Price): number {
  const perToken = budgetUnits.usd / 1_000_000;
  const exact =
    (promptTokens * price.promptPerMillion + completionTokens * price.completionPerMillion) *
    perToken;
  // Binary fractions leave 1e-7 of a nanodollar too much or too little.
  return Math.ceil(exact - 1e-6);
}

/**
 * Marks around a message and before the answer that a chat template adds; the largest of the
 * templates in use take under ten tokens.
 */
const tokensAroundMessage = 16;

const tokensAroundText = 2;

/**
 * The most that a call can use. A tokenizer over bytes makes at most one token of each byte of
 * UTF-8, and three quarters fewer of ordinary English; a reservation must not be too small, and
 * what it was too large by comes back when the call ends.
 */
export function mostUsage({ messages, sampling, jsonSchema }: ChatRequest): Usage {
  const texts = messages.map(({ content }) => content);
  // Some providers put the schema into the prompt, and bill it.
  if (jsonSchema !== null) texts.push(JSON.stringify(jsonSchema));
  const promptTokens = texts.reduce(
    (sum, text) => sum + utf8Length(text) + tokensAroundMessage,
    tokensAroundMessage,
  );
  return { promptTokens, completionTokens: sampling.maxTokens };
}

/** The same for texts that are embedded; each may get a mark at either end. */
export function mostEmbeddingUsage(texts: readonly string[]): Usage {
  return {
    promptTokens: texts.reduce((sum, text) => sum + utf8Length(text) + tokensAroundText, 0),
    completionTokens: 0,
  };
}

/**
 * What a call is likely to use: four bytes a token, as providers reckon their limits per minute
 * before they have counted.
 */
export function likelyTokens(request: ChatRequest): number {
  const { promptTokens, completionTokens } = mostUsage(request);
  return Math.ceil(promptTokens / 4) + completionTokens;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}

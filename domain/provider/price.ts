import { budgetUnits } from '../budget/budget';
import type { ChatRequest, Usage } from '../chat/chat';

/** A model's prices in US dollars per million tokens; 0 for a self-hosted model. */
export interface Price {
  readonly promptPerMillion: number;
  readonly completionPerMillion: number;
}

export const freePrice: Price = { promptPerMillion: 0, completionPerMillion: 0 };

/** Nanodollars, rounded up. Prices in thousandths of a dollar give whole numbers. */
export function computeCost({ promptTokens, completionTokens }: Usage, price: Price): number {
  const perToken = budgetUnits.usd / 1_000_000;
  const exact =
    (promptTokens * price.promptPerMillion + completionTokens * price.completionPerMillion) *
    perToken;
  // Tolerates the rounding error of binary fractions, about 1e-7 nanodollars.
  return Math.ceil(exact - 1e-6);
}

/** Tokens that a chat template adds per message; common templates add fewer than ten. */
const tokensAroundMessage = 16;

const tokensAroundText = 2;

/**
 * The most tokens that a call can use. A byte tokenizer makes at most one token per byte of UTF-8;
 * English text takes about a quarter of that. A reservation must not be too small, and its unused
 * part is released when the call ends.
 */
export function maxUsage({ messages, sampling, jsonSchema }: ChatRequest): Usage {
  const texts = messages.map(({ content }) => content);
  // Some providers add the schema to the prompt and bill it.
  if (jsonSchema !== null) texts.push(JSON.stringify(jsonSchema));
  const promptTokens = texts.reduce(
    (sum, text) => sum + utf8Length(text) + tokensAroundMessage,
    tokensAroundMessage,
  );
  return { promptTokens, completionTokens: sampling.maxTokens };
}

/** The same for texts to embed; each may get a mark at both ends. */
export function maxEmbeddingUsage(texts: readonly string[]): Usage {
  return {
    promptTokens: texts.reduce((sum, text) => sum + utf8Length(text) + tokensAroundText, 0),
    completionTokens: 0,
  };
}

/** The likely tokens of a call: four bytes per token, as providers estimate for rate limits. */
export function likelyTokens(request: ChatRequest): number {
  const { promptTokens, completionTokens } = maxUsage(request);
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

import fc from 'fast-check';
import type { ChatRequest } from '../../../domain/chat/chat';
import { computeCost, likelyTokens, maxUsage } from '../../../domain/provider/price';
import { question } from '../../support/provider/model-access';

const request = (text: string): ChatRequest => ({ ...question(text), model: 'any' });

describe('the cost of a call', () => {
  test('is a whole number of nanodollars for prices in thousandths of a dollar', () => {
    const price = { promptPerMillion: 0.15, completionPerMillion: 0.6 };
    expect(computeCost({ promptTokens: 1, completionTokens: 0 }, price)).toBe(150);
    expect(computeCost({ promptTokens: 1_000_000, completionTokens: 1_000_000 }, price)).toBe(
      750_000_000,
    );
  });

  test('of many calls adds up to exactly the price of all their tokens', () => {
    const price = { promptPerMillion: 0.075, completionPerMillion: 4.405 };
    const calls = fc.array(
      fc.record({ promptTokens: fc.nat(200_000), completionTokens: fc.nat(20_000) }),
      { maxLength: 50 },
    );
    fc.assert(
      fc.property(calls, (usages) => {
        const sum = usages.reduce((total, usage) => total + computeCost(usage, price), 0);
        const prompt = usages.reduce((total, usage) => total + usage.promptTokens, 0);
        const completion = usages.reduce((total, usage) => total + usage.completionTokens, 0);
        expect(sum).toBe(prompt * 75 + completion * 4405);
      }),
    );
  });

  test('reserves at least one token per byte of the prompt', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(maxUsage(request(text)).promptTokens).toBeGreaterThanOrEqual(
          Buffer.byteLength(text),
        );
      }),
    );
    expect(maxUsage(request('x')).completionTokens).toBe(50);
  });

  test('includes the JSON schema of the request', () => {
    const plain = maxUsage(request('x')).promptTokens;
    expect(
      maxUsage({ ...request('x'), jsonSchema: { type: 'object' } }).promptTokens,
    ).toBeGreaterThan(plain);
    expect(likelyTokens(request('x'))).toBeLessThan(plain + 50);
  });
});

import {
  importFromLlmRuntime,
  llmDataPath,
  llmModelPath,
  requireFromLlmRuntime,
} from '../../../data/language/runtime-module';

describe('the provisioned parts for language models', () => {
  test('a CommonJS package and its compiled half load', () => {
    const lancedb = requireFromLlmRuntime('@lancedb/lancedb') as { readonly connect: unknown };
    expect(lancedb.connect).toBeInstanceOf(Function);
  });

  test('models and data lie where code asks for them', () => {
    expect(llmModelPath('smollm2-135m-instruct.gguf')).toMatch(
      /models\/smollm2-135m-instruct\.gguf$/,
    );
    expect(llmDataPath('wordnet-glosses.parquet')).toMatch(/data\/wordnet-glosses\.parquet$/);
  });

  test('what is not there is named, with the command that fetches it', async () => {
    expect(() => requireFromLlmRuntime('no-such-package')).toThrow(
      /no-such-package is not on this machine/,
    );
    await expect(importFromLlmRuntime('no-such-package')).rejects.toMatchObject({
      type: 'PlatformUnavailable',
      next: 'npm run provision:llm',
    });
    expect(() => llmModelPath('no-such-model.gguf')).toThrow(
      /models\/no-such-model\.gguf is not on this machine/,
    );
  });
});

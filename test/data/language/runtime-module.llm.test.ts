import {
  importFromLlmRuntime,
  llmDataPath,
  llmModelPath,
  requireFromLlmRuntime,
} from '../../../data/language/runtime-module';

describe('the installed parts for language models', () => {
  test('a CommonJS package with native code loads', () => {
    const lancedb = requireFromLlmRuntime('@lancedb/lancedb') as { readonly connect: unknown };
    expect(lancedb.connect).toBeInstanceOf(Function);
  });

  test('models and data have the expected paths', () => {
    expect(llmModelPath('smollm2-135m-instruct.gguf')).toMatch(
      /models\/smollm2-135m-instruct\.gguf$/,
    );
    expect(llmDataPath('wordnet-glosses.parquet')).toMatch(/data\/wordnet-glosses\.parquet$/);
  });

  test('a missing part is an error that names the command to install it', async () => {
    expect(() => requireFromLlmRuntime('no-such-package')).toThrow(
      /no-such-package is not installed/,
    );
    await expect(importFromLlmRuntime('no-such-package')).rejects.toMatchObject({
      type: 'PlatformUnavailable',
      next: 'npm run provision:llm',
    });
    expect(() => llmModelPath('no-such-model.gguf')).toThrow(
      /models\/no-such-model\.gguf is not installed/,
    );
  });
});

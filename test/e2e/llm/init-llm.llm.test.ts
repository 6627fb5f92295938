/** The commands of docs/llm.md with the embedded model, on the files that `init` writes. */
import { startProduct, type Product } from '../../support/process/product';

jest.setTimeout(900_000);

let product: Product;
beforeAll(async () => {
  product = await startProduct({
    env: { PERENNIAL_LLM_SERVER: 'true', PERENNIAL_LLM_PORT: '0' },
  });
});
afterAll(() => product.stop());

async function cli(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await product.cli(args);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) as string });
  return stdout;
}

test.each([['--llm'], ['--llm', '--index']])(
  'lifecycle init %s %s leads to a champion that answers a question',
  async (...options) => {
    const name = `capitals${options.length}`;
    await cli('lifecycle', 'init', name, ...options);
    await cli('lifecycle', 'apply', name);
    await cli('run', 'start', name, '--wait');
    expect(await cli('model', 'explain', name)).toMatch(/pass +useful +answer 0\.\d+/);

    const { status, body } = await product.call<{
      readonly choices: readonly { readonly message: { readonly content: string } }[];
      readonly perennial?: { readonly sources?: readonly { readonly documentId: string }[] };
    }>('POST', `${product.gatewayUrl}/v1/chat/completions`, {
      body: {
        model: name,
        messages: [{ role: 'user', content: 'What is the capital of Peru?' }],
      },
    });
    expect(status).toBe(200);
    expect(body.choices[0]?.message.content).toContain('Lima');
    if (options.includes('--index'))
      expect(body.perennial?.sources).toMatchObject([{ documentId: 'peru' }]);
  },
);

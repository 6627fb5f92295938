/** `@perennial-dev/perennial/client` against the whole product. */
import { ApiError, createClient, type PerennialClient } from '../../sdk/client';
import { startProduct, type Product } from '../support/process/product';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(300_000);

let product: Product;
let client: PerennialClient;
beforeAll(async () => {
  product = await startProduct();
  await product.apply(
    writeTinyLifecycle(product.workDir, { name: 'visits', evaluate: lenientGates }),
  );
  client = createClient({ url: product.apiUrl, key: product.apiKey });
});
afterAll(() => product.stop());

test('a wait sees each event once and the end of the run, though the API is killed twice', async () => {
  const { id } = await client.runs.start('visits');
  const seen: number[] = [];
  const run = await client.runs.wait(id, {
    timeout: '4m',
    onEvent({ seq, kind, stage }) {
      seen.push(seq);
      if (kind === 'stage.started' && (stage === 'validate' || stage === 'evaluate'))
        expect(product.kill('main.ts api')).not.toEqual([]);
    },
  });
  expect(run).toMatchObject({ id, status: 'succeeded', version: 1 });
  expect(seen).toEqual(seen.map((_, at) => at + 1));
});

test('operations and lists are called by name', async () => {
  const { champion } = (await client.call('GET /models/{model}', { path: { model: 'visits' } }))
    .aliases;
  expect(champion).toMatchObject({ version: 1 });
  const runs = await client.list('GET /runs', { query: { lifecycle: 'visits' } });
  expect(runs.map(({ status }) => status)).toEqual(['succeeded']);
});

test('an error has its code and the next step', async () => {
  const refused = client.runs.start('visitors');
  await expect(refused).rejects.toBeInstanceOf(ApiError);
  await expect(refused).rejects.toMatchObject({
    code: 'NotFound',
    status: 404,
    next: expect.stringContaining('perennial lifecycle') as string,
  });
});

import { openApiWorld, type ApiWorld } from '../support/api-world';
import { perennialVersion } from '../../../../domain/version';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
  await world.apply('flight-delay');
});
afterAll(() => world.close());

const startWith = (version: string) =>
  world.call('POST', '/lifecycles/flight-delay/runs', {
    body: {},
    headers: { 'x-perennial-client-version': version },
  });

async function runs(): Promise<number> {
  const { body } = await world.call<{ items: unknown[] }>('GET', '/runs');
  return body.items.length;
}

test.each(['0.0.9', '0.2.0', '1.0.0'])(
  'a client of version %s is refused with both versions and the next step, and starts nothing',
  async (version) => {
    const before = await runs();
    const { status, body } = await startWith(version);
    expect({ status, ...body }).toMatchObject({
      status: 400,
      code: 'ClientIncompatible',
      detail: `the client has version ${version} and the API has version ${perennialVersion}; they do not work together`,
      next: expect.stringMatching(
        /^install the client of version 0\.1 \(docs\/guides\/python-client\.md, .*\), or run a platform of version/,
      ) as string,
    });
    expect(await runs()).toBe(before);
  },
);

test('an incompatible client gets this reason for a route that the API does not have', async () => {
  const { body } = await world.call('GET', '/futures', {
    headers: { 'x-perennial-client-version': '0.2.0' },
  });
  expect(body).toMatchObject({ code: 'ClientIncompatible' });
});

test('a text that is no version is refused without repeating it', async () => {
  const { status, body } = await startWith('<latest>');
  expect(status).toBe(400);
  expect(body).toMatchObject({ code: 'InvalidInput' });
  expect(JSON.stringify(body)).not.toContain('latest');
});

test('a compatible client and a caller without the header start runs', async () => {
  const before = await runs();
  expect((await startWith(perennialVersion)).status).toBe(202);
  const plain = await world.call('POST', '/lifecycles/flight-delay/runs', { body: {} });
  expect(plain.status).toBe(202);
  expect(await runs()).toBe(before + 2);
});

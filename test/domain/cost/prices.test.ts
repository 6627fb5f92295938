import { formatPrice, usdPerHour } from '../../../domain/cost/price';
import { readPrices } from '../../../domain/cost/prices.schema';
import { formatIssue } from '../../../domain/document/issue-text';

function read(text: string) {
  const result = readPrices(text, 'prices.yaml');
  return result.ok ? result.value : result.issues.map(formatIssue);
}

test('adds the prices of CPUs, memory and GPUs, and applies the factor of the queue', () => {
  const prices = readPrices(
    {
      backends: {
        slurm: { cpuHour: 0.04, memoryGibHour: 0.005, gpuHour: 1.5, queues: { spot: 0.25 } },
      },
    },
    'prices.yaml',
  );
  if (!prices.ok) throw new Error('the prices are valid');
  const job = { cpus: 4, memoryBytes: 2 * 2 ** 30, gpus: 1 };
  expect(usdPerHour(prices.value, 'slurm', job)).toBeCloseTo(1.67, 10);
  expect(usdPerHour(prices.value, 'slurm', { ...job, queue: 'spot' })).toBeCloseTo(0.4175, 10);
  expect(usdPerHour(prices.value, 'slurm', { ...job, queue: 'main' })).toBeCloseTo(1.67, 10);
  expect(usdPerHour(prices.value, 'ray', job)).toBeNull();
});

test('converts another currency to US dollars', () => {
  const prices = read('currency: EUR\nusdPerUnit: 1.1\nbackends: { local: { cpuHour: 0.1 } }\n');
  expect(prices).toMatchObject({ local: { cpuHour: expect.closeTo(0.11, 10) as number } });
});

test('shows a price in one line', () => {
  expect(
    formatPrice({ cpuHour: 0.04, memoryGibHour: 0, gpuHour: 1.5, queues: { spot: 0.25 } }),
  ).toBe('$0.04 per CPU-hour, $1.5 per GPU-hour, × 0.25 in queue spot');
});

test.each([
  [
    'an unknown currency',
    'currency: XYZ\nbackends: {}',
    /prices\.yaml:1:\d+ currency cannot be "XYZ"/,
  ],
  [
    'a currency without its value',
    'currency: EUR\nbackends: {}',
    /usdPerUnit is missing, and EUR needs it/,
  ],
  [
    'a negative price',
    'backends:\n  ray: { cpuHour: -1 }',
    /prices\.yaml:2:\d+ backends\.ray\.cpuHour .*0 or more/,
  ],
  [
    'a price that is no number',
    'backends:\n  ray: { cpuHour: .nan }',
    /prices\.yaml:2:\d+ .*cpuHour/,
  ],
  ['an unknown backend', 'backends:\n  slrum: { cpuHour: 1 }', /prices\.yaml:2:\d+ .*slrum.*slurm/],
  [
    'a backend without a price of CPUs',
    'backends:\n  ray: {}',
    /backends\.ray\.cpuHour is missing/,
  ],
  ['no YAML', 'backends: [', /prices\.yaml:1/],
])('refuses %s with its place', (_name, text, message) => {
  expect(read(text)).toEqual([expect.stringMatching(message)]);
});

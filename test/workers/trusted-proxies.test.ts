import { trustedProxies } from '../../workers/trusted-proxies';

test('addresses and networks are read with commas between', () => {
  expect(trustedProxies.parse('127.0.0.1, 10.0.0.0/8,fd00::/8,')).toEqual([
    '127.0.0.1',
    '10.0.0.0/8',
    'fd00::/8',
  ]);
  expect(trustedProxies.parse(undefined)).toEqual([]);
});

test.each([
  ['proxy.example', 'proxy.example is neither an address nor a network such as 10.0.0.0/8'],
  ['10.0.0.0/8/8', '10.0.0.0/8/8 is neither an address nor a network such as 10.0.0.0/8'],
  ['10.0.0.0/', '10.0.0.0/ is neither an address nor a network such as 10.0.0.0/8'],
  ['10.0.0.0/33', '10.0.0.0/33 has more than 32 bits'],
  ['0.0.0.0/0', '0.0.0.0/0 would trust every caller; name the addresses of your proxies'],
  ['::/0', '::/0 would trust every caller; name the addresses of your proxies'],
])('%s is refused with the reason', (text, reason) => {
  const { error } = trustedProxies.safeParse(`127.0.0.1,${text}`);
  expect(error?.issues.map(({ message }) => message)).toEqual([reason]);
});

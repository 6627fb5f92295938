import type { LookupAddress } from 'node:dns';
import {
  isPublicAddress,
  publicOnly,
  type Resolve,
} from '../../../../data/dataset/sources/addresses';

describe('an address is public', () => {
  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '93.184.216.34',
    '172.15.255.255',
    '172.32.0.1',
    '100.128.0.1',
    '198.20.0.1',
    '2606:4700:4700::1111',
    '2a00:1450::1',
    '2001:4860:4860::8888',
  ])('%s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
});

describe('an address is not public', () => {
  test.each([
    ['this host', '0.0.0.0'],
    ['this host', '0.1.2.3'],
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.0.1'],
    ['private', '10.0.0.1'],
    ['private', '172.16.0.1'],
    ['private', '172.31.255.255'],
    ['private', '192.168.1.1'],
    ['carrier NAT', '100.64.0.1'],
    ['link-local, where clouds serve credentials', '169.254.169.254'],
    ['protocol assignments', '192.0.0.8'],
    ['documentation', '192.0.2.1'],
    ['benchmarks', '198.19.0.1'],
    ['6to4 relays', '192.88.99.1'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['loopback, mapped', '::ffff:127.0.0.1'],
    ['loopback, mapped, in hex', '::ffff:7f00:1'],
    ['a public IPv4 address inside IPv6', '::ffff:8.8.8.8'],
    ['loopback, compatible', '::127.0.0.1'],
    ['private through NAT64', '64:ff9b::10.0.0.1'],
    ['private through local NAT64', '64:ff9b:1::a00:1'],
    ['private through 6to4', '2002:0a00:0001::1'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['unique local', 'fd00::1'],
    ['cloud metadata', 'fd00:ec2::254'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
    ['documentation', '2001:db8::1'],
    ['documentation', '3fff::1'],
    ['discard', '100::1'],
    ['not an address', 'localhost'],
    ['not an address', '127.1'],
    ['not an address', ''],
  ])('%s: %s', (_, address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('the name lookup of a connection', () => {
  const answering =
    (...addresses: string[]): Resolve =>
    (_, __, done) =>
      done(
        null,
        addresses.map((address): LookupAddress => ({
          address,
          family: address.includes(':') ? 6 : 4,
        })),
      );
  const look = (resolve: Resolve, all: boolean) =>
    new Promise((resolved) => {
      publicOnly((host) => new Error(`refused ${host}`), resolve)(
        'data.example',
        { all },
        (error, address) => {
          resolved(error ? error.message : address);
        },
      );
    });

  test('returns the checked addresses', async () => {
    expect(await look(answering('8.8.8.8', '2606:4700::1'), true)).toEqual([
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ]);
    expect(await look(answering('8.8.8.8'), false)).toBe('8.8.8.8');
  });

  test('leaves out private addresses', async () => {
    expect(await look(answering('10.0.0.1', '8.8.8.8', '::1'), true)).toEqual([
      { address: '8.8.8.8', family: 4 },
    ]);
    expect(await look(answering('10.0.0.1', '8.8.8.8'), false)).toBe('8.8.8.8');
  });

  test('refuses a name with only private addresses, or none', async () => {
    expect(await look(answering('127.0.0.1', '::ffff:10.0.0.1'), true)).toBe(
      'refused data.example',
    );
    expect(await look(answering(), true)).toBe('refused data.example');
  });

  test('checks every lookup and refuses a name that changes to a private address', async () => {
    const answers = [['8.8.8.8'], ['169.254.169.254']];
    const rebinding: Resolve = (...call) => answering(...(answers.shift() ?? []))(...call);
    expect(await look(rebinding, false)).toBe('8.8.8.8');
    expect(await look(rebinding, false)).toBe('refused data.example');
  });

  test('passes on the error of a failed lookup', async () => {
    expect(await look((_, __, done) => done(new Error('ENOTFOUND'), []), true)).toBe('ENOTFOUND');
  });
});

import { lookup as resolve, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Special-purpose ranges of IANA that do not lead to one host on the public internet. */
const notPublicIpv4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/**
 * Special ranges within 2000::/3, the only allocated part of IPv6: protocol assignments including
 * Teredo, documentation, and 6to4, which tunnels to any IPv4 address.
 */
const notPublicIpv6: readonly [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const refusedIpv4 = subnets(notPublicIpv4, 'ipv4');
const refusedIpv6 = subnets(notPublicIpv6, 'ipv6');
const givenOutIpv6 = subnets([['2000::', 3]], 'ipv6');

/**
 * Whether the address is outside of this machine and its private networks. IPv4 inside IPv6
 * (mapped, NAT64) is refused; servers with an IPv4 address are reachable by it.
 */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !refusedIpv4.check(address, 'ipv4');
    case 6:
      return (
        !address.includes('%') &&
        givenOutIpv6.check(address, 'ipv6') &&
        !refusedIpv6.check(address, 'ipv6')
      );
    default:
      return false;
  }
}

export type Resolve = (
  host: string,
  options: { readonly all: true },
  done: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

/**
 * A name lookup that passes on only public addresses. The connection goes to a checked address, so
 * DNS rebinding has no effect. Fails with the error of `refuse` when there is no public address.
 */
export function publicOnly(
  refuse: (host: string) => Error,
  resolveAll: Resolve = resolve,
): LookupFunction {
  return (host, options, done) => {
    resolveAll(host, { ...options, all: true }, (error, addresses) => {
      const allowed = error ? [] : addresses.filter(({ address }) => isPublicAddress(address));
      const [first] = allowed;
      if (first === undefined) done(error ?? refuse(host), '', 0);
      else if (options.all === true) done(null, allowed);
      else done(null, first.address, first.family);
    });
  };
}

function subnets(ranges: readonly [string, number][], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of ranges) list.addSubnet(address, prefix, family);
  return list;
}

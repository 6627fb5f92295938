/**
 * A network of Linux network namespaces on this machine: a bridge, and one namespace with its own
 * interface and address per machine.
 */
import { execFileSync } from 'node:child_process';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { processIdentity } from '../../../data/process-identity';

export interface Network {
  /** Of the bridge; the test itself can be reached there. */
  readonly hostAddress: string;
  /** Adds a machine's namespace, whose name `ip netns exec` takes. */
  join(name: string): Place;
  /** Makes a port of this machine's loopback reachable on an address of the bridge. */
  forward(to: { readonly host?: string; readonly port: number }): Promise<string>;
  close(): Promise<void>;
}

/** Of one machine in the network. */
export interface Place {
  readonly namespace: string;
  readonly address: string;
  /** Drops every packet to this address of the bridge, as a broken router does, without an error. */
  cutOff(address: string): void;
  reach(address: string): void;
  setLink(state: 'up' | 'down'): void;
  leave(): void;
}

const namespacePrefix = 'perennial';
const device = 'eth0';
/** An Ethernet address that no interface has. */
const unusedAddress = '02:00:00:00:00:01';

export function openNetwork(): Network {
  assertPossible();
  removeLeft();
  const subnet = freeSubnet();
  const bridge = `pn${process.pid}`;
  const hostAddress = `${subnet}.1`;
  let [hosts, services] = [100, 1];
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const places = new Set<Place>();
  ip('link', 'add', bridge, 'type', 'bridge');
  ip('addr', 'add', `${hostAddress}/24`, 'dev', bridge);
  ip('link', 'set', bridge, 'up');

  function join(name: string): Place {
    const namespace = `${namespacePrefix}-${process.pid}-${name}`;
    const number = (hosts += 1);
    const outside = `${bridge}h${number}`;
    const address = `${subnet}.${number}`;
    ip('netns', 'add', namespace);
    ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', device, 'netns', namespace);
    ip('link', 'set', outside, 'master', bridge, 'up');
    const inside = (...args: readonly string[]) => ip('-n', namespace, ...args);
    inside('link', 'set', 'lo', 'up');
    inside('addr', 'add', `${address}/24`, 'dev', device);
    inside('link', 'set', device, 'up');
    const place: Place = {
      namespace,
      address,
      cutOff: (of) =>
        inside('neigh', 'replace', of, 'lladdr', unusedAddress, 'dev', device, 'nud', 'permanent'),
      reach: (of) => inside('neigh', 'del', of, 'dev', device),
      setLink: (state) => ip('link', 'set', outside, state),
      leave: () => {
        places.delete(place);
        ip('netns', 'del', namespace);
      },
    };
    places.add(place);
    return place;
  }

  async function forward({
    host = '127.0.0.1',
    port,
  }: {
    readonly host?: string;
    readonly port: number;
  }): Promise<string> {
    const address = `${subnet}.${(services += 1)}`;
    ip('addr', 'add', `${address}/24`, 'dev', bridge);
    const server = createServer((client) => {
      const upstream = connect({ host, port });
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(socket.setNoDelay(true));
        socket.pipe(other);
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
      }
    });
    await new Promise<void>((listening, reject) =>
      server.once('error', reject).listen(port, address, listening),
    );
    servers.push(server);
    return address;
  }

  async function close(): Promise<void> {
    for (const place of [...places]) place.leave();
    ip('link', 'del', bridge);
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  }

  return { hostAddress, join, forward, close };
}

/** @throws with what is missing and how to get it */
function assertPossible(): void {
  const next = 'Run npm run test:machines as root on Linux, with the package iproute2.';
  if (process.platform !== 'linux')
    throw new Error(
      `the tests of several machines need Linux; this is ${process.platform}. ${next}`,
    );
  if (process.getuid?.() !== 0)
    throw new Error(
      `the tests of several machines need root; this user is ${process.getuid?.()}. ${next}`,
    );
  for (const program of ['ip', 'unshare', 'nsenter', 'mount'])
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    } catch {
      throw new Error(`the tests of several machines need the program ${program}. ${next}`);
    }
  const probe = `${namespacePrefix}-${process.pid}-probe`;
  try {
    ip('netns', 'add', probe);
    ip('netns', 'del', probe);
  } catch (error) {
    throw new Error(
      `this system refuses network namespaces: ${(error as Error).message}. A container needs ` +
        'the capabilities NET_ADMIN and SYS_ADMIN.',
      { cause: error },
    );
  }
}

/** Of test processes that were killed. */
function removeLeft(): void {
  const isLeft = (pid: string | undefined) =>
    pid !== undefined && processIdentity(Number(pid)) === null;
  for (const [name = '', pid] of ip('netns', 'list').matchAll(
    new RegExp(`^${namespacePrefix}-(\\d+)-\\S+`, 'gm'),
  ))
    if (isLeft(pid)) ip('netns', 'del', name);
  for (const [, name = '', pid] of ip('-o', 'link', 'show', 'type', 'bridge').matchAll(
    /^\d+: (pn(\d+)):/gm,
  ))
    if (isLeft(pid)) ip('link', 'del', name);
}

function freeSubnet(): string {
  const used = ip('-o', '-4', 'addr') + ip('-4', 'route');
  for (let third = 0; third < 256; third += 1)
    if (!used.includes(`10.213.${third}.`)) return `10.213.${third}`;
  throw new Error('no network below 10.213.0.0/16 is free');
}

function ip(...args: readonly string[]): string {
  try {
    return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stderr } = error as { readonly stderr?: string };
    throw new Error(`ip ${args.join(' ')}: ${stderr?.trim() ?? String(error)}`, { cause: error });
  }
}

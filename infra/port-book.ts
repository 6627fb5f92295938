import { failure } from '../domain/failure';
import { freePort, isFree } from './ports';
import { readPrivateJson, writePrivateJson } from './private-file';

export interface PortWish {
  /** Asked for by the user: taken is an error. Zero means any. */
  readonly exactly?: number | undefined;
  /** Ours when it is free and nothing else is remembered. */
  readonly preferred?: number;
  /** Refuses a port that is free but of no use. */
  readonly usable?: (port: number) => boolean;
  /** The setting that `exactly` came from, for the error. */
  readonly setting?: string;
}

export interface ChosenPorts<Name extends string> {
  readonly ports: Readonly<Record<Name, number>>;
  /** Ports that people may have written down and that now differ. */
  readonly moved: readonly { readonly name: Name; readonly from: number; readonly to: number }[];
}

/** Free ports, the same ones as last time where that is possible. */
export async function choosePorts<Name extends string>(
  file: string,
  wishes: Readonly<Record<Name, PortWish>>,
): Promise<ChosenPorts<Name>> {
  const remembered = (readPrivateJson(file, 'Remove it: new ports are chosen at the next start') ??
    {}) as Readonly<Record<string, unknown>>;
  const names = Object.keys(wishes) as Name[];
  const ports = new Map<Name, number>();
  const moved: { name: Name; from: number; to: number }[] = [];
  for (const name of names) {
    const wish = wishes[name];
    const before = isPort(remembered[name]) ? remembered[name] : wish.preferred;
    const taken = new Set(ports.values());
    const port = await choosePort(name, wish, before, taken);
    if (before !== undefined && port !== before && wish.exactly === undefined)
      moved.push({ name, from: before, to: port });
    ports.set(name, port);
  }
  const chosen = Object.fromEntries(ports) as Record<Name, number>;
  writePrivateJson(file, chosen);
  return { ports: chosen, moved };
}

/** A damaged file may hold anything. */
function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65_535;
}

async function choosePort(
  name: string,
  wish: PortWish,
  before: number | undefined,
  taken: ReadonlySet<number>,
): Promise<number> {
  const suits = async (port: number): Promise<boolean> =>
    !taken.has(port) && (wish.usable?.(port) ?? true) && (await isFree(port));
  if (wish.exactly !== undefined && wish.exactly !== 0) {
    if (await suits(wish.exactly)) return wish.exactly;
    throw failure(
      'PlatformUnavailable',
      `Port ${wish.exactly} (${wish.setting ?? name}) is taken by another program`,
      {
        next: 'End that program, name another port, or remove the setting to take a free one',
      },
    );
  }
  if (wish.exactly !== 0 && before !== undefined && (await suits(before))) return before;
  for (;;) {
    const port = await freePort();
    if (await suits(port)) return port;
  }
}

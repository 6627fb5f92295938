import { failure } from '../domain/failure';
import { freePort, isFree } from './ports';
import { readPrivateJson, writePrivateJson } from './private-file';

export interface PortRequest {
  /** Configured by the user; an error if it is in use. Zero means any port. */
  readonly exactly?: number | undefined;
  /** Used when it is free and no other port is remembered. */
  readonly preferred?: number;
  /** Refuses a free port that is not usable. */
  readonly usable?: (port: number) => boolean;
  /** The setting of `exactly`, for the error. */
  readonly setting?: string;
}

export interface ChosenPorts<Name extends string> {
  readonly ports: Readonly<Record<Name, number>>;
  /** Ports that differ from the last start, which users may have written down. */
  readonly moved: readonly { readonly name: Name; readonly from: number; readonly to: number }[];
}

/** Chooses free ports, the same as at the last start if possible. */
export async function choosePorts<Name extends string>(
  file: string,
  wishes: Readonly<Record<Name, PortRequest>>,
): Promise<ChosenPorts<Name>> {
  const remembered = (readPrivateJson(file, 'Remove it: the next start then chooses new ports') ??
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

/** A damaged file can contain any value. */
function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65_535;
}

async function choosePort(
  name: string,
  wish: PortRequest,
  before: number | undefined,
  taken: ReadonlySet<number>,
): Promise<number> {
  const suits = async (port: number): Promise<boolean> =>
    !taken.has(port) && (wish.usable?.(port) ?? true) && (await isFree(port));
  if (wish.exactly !== undefined && wish.exactly !== 0) {
    if (await suits(wish.exactly)) return wish.exactly;
    throw failure(
      'PlatformUnavailable',
      `Port ${wish.exactly} (${wish.setting ?? name}) is in use by another program`,
      {
        next: 'End that program, set another port, or remove the setting to use any free port',
      },
    );
  }
  if (wish.exactly !== 0 && before !== undefined && (await suits(before))) return before;
  for (;;) {
    const port = await freePort();
    if (await suits(port)) return port;
  }
}

import { collectMs, type MemberMessage, type SupervisorMessage } from './messages';

/** A gateway process beside others behind one address. */
export interface GatewayMember {
  /** Number of the process, from 1; a replacement gets the number of its predecessor. */
  readonly number: number;
  /** `own` reads the metrics of this process, for the answers of all. */
  share(own: () => Promise<string>): void;
  /** The metrics of all processes, or only the own ones if the supervisor does not respond. */
  metrics(): Promise<string>;
  /** Close the channel to the supervisor, which would keep this process alive. */
  leave(): void;
}

/** The part of `process` that talks with the supervisor. */
type ProcessChannel = Pick<NodeJS.Process, 'on' | 'send' | 'disconnect'>;

export function joinGateways(number: number, channel: ProcessChannel = process): GatewayMember {
  const waiting = new Map<number, (text: string) => void>();
  let read: () => Promise<string> = () => Promise.resolve('');
  let asked = 0;
  const send = (message: MemberMessage): void => void channel.send?.(message);
  channel.on('message', (message: SupervisorMessage) => {
    if (message.kind === 'merged') waiting.get(message.id)?.(message.text);
    else void read().then((text) => send({ kind: 'collected', id: message.id, text }));
  });
  return {
    number,
    share: (own) => (read = own),
    leave: () => channel.disconnect(),
    metrics() {
      const id = (asked += 1);
      return new Promise((resolve, reject) => {
        const settle = (text: string | Promise<string>): void => {
          clearTimeout(timer);
          waiting.delete(id);
          Promise.resolve(text).then(resolve, reject);
        };
        const timer = setTimeout(() => settle(read()), 2 * collectMs);
        waiting.set(id, settle);
        send({ kind: 'merge', id });
      });
    },
  };
}

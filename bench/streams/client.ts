/**
 * Reads thousands of streams in one process, with raw sockets and one buffer, because the client
 * shares the machine with what it measures. Controlled over IPC.
 */
import { connect, type Socket } from 'node:net';
import { nowMicros, stampDigits } from './clock';
import {
  question,
  type StreamLoadFigures,
  type LoadPoint,
  type StreamTarget,
  type PlanMessage,
  type RequestPath,
} from './plan';

class Series {
  private values = new Float32Array(1 << 16);
  private length = 0;

  add(value: number): void {
    if (this.length === this.values.length) {
      const grown = new Float32Array(this.length * 2);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.length++] = value;
  }

  drop(): void {
    this.length = 0;
  }

  toString(): string {
    return Buffer.from(this.values.buffer, 0, this.length * 4).toString('base64');
  }
}

const buildPaths = <T>(make: () => T): Record<RequestPath, T> => ({
  gateway: make(),
  straight: make(),
});
const seen = buildPaths(() => ({
  tokenMs: new Series(),
  firstMs: new Series(),
  open: 0,
  finished: 0,
}));
const failures: Record<string, number> = {};
const sockets = new Set<Socket>();
let going = false;
const isGoing = (): boolean => going;

const beforeStamp = Buffer.from('"content":"');
const done = Buffer.from('[DONE]');
const lastChunk = Buffer.from('\r\n0\r\n\r\n');
const [newLine, zero, nine] = [10, 48, 57];
/** One buffer for all, because each read is processed before the next one. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

function fail(what: string): void {
  failures[what] = (failures[what] ?? 0) + 1;
}

/** One place of the load: a connection that requests one stream after the other. */
function openPlace({ everyMs, tokens, localAddress }: LoadPoint, target: StreamTarget): void {
  const { way, host, port, authorization, model } = target;
  const body = JSON.stringify({
    model,
    stream: true,
    messages: [{ role: 'user', content: question({ everyMs, tokens }) }],
  });
  const request = `POST /v1/chat/completions HTTP/1.1\r\nhost: ${host}:${port}\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const figures = seen[way];
  let [sentAt, heard, isOpen, isDone] = [0, 0, false, false];
  let rest: Buffer | null = null;

  const ask = (): void => {
    [sentAt, heard, isOpen, isDone, rest] = [nowMicros(), 0, false, false, null];
    socket.write(request, 'latin1');
  };
  const broken = (what: string): void => {
    if (!going || socket.destroyed) return;
    fail(`${way}: ${what}`);
    socket.destroy();
    setTimeout(
      () =>
        going && openPlace({ everyMs, tokens, localAddress, places: [], rampSeconds: 0 }, target),
      1000,
    );
  };
  const read = (bytes: Buffer): void => {
    if (!isOpen) {
      const status = bytes.toString('latin1', 9, 12);
      if (status !== '200') {
        broken(`status ${status}`);
        return;
      }
      isOpen = true;
      figures.open += 1;
    }
    const now = nowMicros();
    for (let at = bytes.indexOf(beforeStamp); at !== -1; at = bytes.indexOf(beforeStamp, at)) {
      at += beforeStamp.length;
      const written = stampAt(bytes, at);
      if (written === null) continue;
      if (heard === 0) figures.firstMs.add((now - sentAt) / 1000);
      figures.tokenMs.add((now - written) / 1000);
      heard += 1;
    }
    isDone ||= bytes.includes(done);
    if (!bytes.subarray(-lastChunk.length).equals(lastChunk)) return;
    figures.open -= 1;
    isOpen = false;
    if (isDone && heard === tokens) {
      figures.finished += 1;
      ask();
    } else broken(`an answer of ${heard} tokens${isDone ? '' : ' that broke off'}`);
  };
  const socket = connect({
    host,
    port,
    localAddress,
    noDelay: true,
    onread: {
      buffer: readBuffer,
      callback: (length) => {
        const fresh = readBuffer.subarray(0, length);
        const bytes: Buffer = rest === null ? fresh : Buffer.concat([rest, fresh]);
        // An incomplete event is read with its rest.
        rest = bytes[bytes.length - 1] === newLine ? null : Buffer.from(bytes);
        if (rest === null) read(bytes);
        return true;
      },
    },
  });
  sockets.add(socket);
  socket.on('connect', ask);
  socket.on('error', (error: NodeJS.ErrnoException) => broken(error.code ?? error.message));
  socket.on('end', () => broken('hung up'));
  socket.on('close', () => {
    sockets.delete(socket);
    if (isOpen) figures.open -= 1;
  });
}

function stampAt(bytes: Buffer, at: number): number | null {
  let value = 0;
  for (let place = at; place < at + stampDigits; place += 1) {
    const digit = bytes[place] ?? 0;
    if (digit < zero || digit > nine) return null;
    value = value * 10 + digit - zero;
  }
  return value;
}

/** Evenly spread, so that tokens arrive evenly. */
async function begin(point: LoadPoint): Promise<void> {
  going = true;
  const waiting = point.places.flatMap(({ target, streams }) =>
    Array.from({ length: streams }, (_, index) => ({ target, at: (index + 0.5) / streams })),
  );
  waiting.sort((a, b) => a.at - b.at);
  const startedAt = performance.now();
  while (waiting.length > 0 && isGoing()) {
    const share = (performance.now() - startedAt) / (point.rampSeconds * 1000);
    while (waiting[0] && waiting[0].at <= share)
      openPlace(point, (waiting.shift() as (typeof waiting)[number]).target);
    await new Promise((later) => setTimeout(later, 5));
  }
}

function summarize({ tokenMs, firstMs, open, finished }: (typeof seen)[RequestPath]) {
  return { tokenMs: tokenMs.toString(), firstMs: firstMs.toString(), open, finished };
}

function drop(): void {
  for (const figures of Object.values(seen)) {
    figures.tokenMs.drop();
    figures.firstMs.drop();
    figures.finished = 0;
  }
  for (const what of Object.keys(failures)) Reflect.deleteProperty(failures, what);
}

process.on('message', (told: PlanMessage) => {
  switch (told.kind) {
    case 'begin':
      drop();
      void begin(told.point);
      return;
    case 'measure':
      drop();
      return;
    case 'figures':
      process.send?.({
        ways: { gateway: summarize(seen.gateway), straight: summarize(seen.straight) },
        failures,
      } satisfies StreamLoadFigures);
      return;
    case 'end':
      going = false;
      for (const socket of sockets) socket.destroy();
  }
});
process.on('disconnect', () => process.exit());

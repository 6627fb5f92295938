/**
 * A provider of the OpenAI protocol that only keeps time. The first token comes at once and further
 * ones at the requested pace, each with the time of its writing. It uses raw sockets in a separate
 * process, because a slower HTTP server would measure itself.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { stamp, stampDigits } from './clock';
import { pace, upstreamModel } from './plan';

interface Streaming {
  readonly socket: Socket;
  readonly everyTicks: number;
  left: number;
}

const tickMs = 5;
/** Longer than the slowest pace. */
const wheel: Streaming[][] = Array.from({ length: 2048 }, () => []);
const startedAt = performance.now();
let ticked = 0;

const chunk = (choices: string, more = ''): string =>
  framed(
    `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"${upstreamModel}","choices":[${choices}]${more}}\n\n`,
  );
const choice = (delta: string, finish: string): string =>
  `{"index":0,"delta":${delta},"finish_reason":${finish}}`;

const head = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n${chunk(choice('{"role":"assistant","content":""}', 'null'))}`;
const [beforeStamp = '', afterStamp = ''] = chunk(
  choice(`{"content":"${'#'.repeat(stampDigits)} "}`, 'null'),
).split('#'.repeat(stampDigits));
const token = (): string => beforeStamp + stamp() + afterStamp;
const usage = '"usage":{"prompt_tokens":20,"completion_tokens":20,"total_tokens":40}';
const tail = `${chunk(choice('{}', '"stop"'))}${chunk('', `,${usage}`)}${framed('data: [DONE]\n\n')}0\r\n\r\n`;

function framed(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

function serve(socket: Socket): void {
  socket.setNoDelay(true);
  let rest = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    rest += bytes.toString('latin1');
    for (;;) {
      const end = rest.indexOf('\r\n\r\n');
      if (end === -1) return;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(rest.slice(0, end))?.[1] ?? 0);
      if (rest.length < end + 4 + length) return;
      const body = rest.slice(end + 4, end + 4 + length);
      answer(socket, rest.slice(0, end), body);
      rest = rest.slice(end + 4 + length);
    }
  });
}

function answer(socket: Socket, header: string, body: string): void {
  if (header.startsWith('GET')) {
    json(socket, { data: [{ id: upstreamModel }] });
    return;
  }
  const asked = pace.exec(body);
  const [everyMs, tokens] = [Number(asked?.[1] ?? 0), Number(asked?.[2] ?? 1)];
  if (!body.includes('"stream":true')) {
    const message = { role: 'assistant', content: `${stamp()} ` };
    const choices = [{ index: 0, message, finish_reason: 'stop' }];
    json(socket, {
      model: upstreamModel,
      choices,
      usage: { prompt_tokens: 20, completion_tokens: 1 },
    });
    return;
  }
  socket.write(head + token(), 'latin1');
  pour({ socket, everyTicks: Math.max(1, Math.round(everyMs / tickMs)), left: tokens - 1 });
}

function pour(streaming: Streaming): void {
  if (streaming.left <= 0) streaming.socket.write(tail, 'latin1');
  else wheel[(ticked + streaming.everyTicks) % wheel.length]?.push(streaming);
}

function json(socket: Socket, value: unknown): void {
  const text = JSON.stringify(value);
  socket.write(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
    'latin1',
  );
}

setInterval(() => {
  const due = Math.floor((performance.now() - startedAt) / tickMs);
  while (ticked < due) {
    ticked += 1;
    const place = ticked % wheel.length;
    const streamings = wheel[place] ?? [];
    wheel[place] = [];
    for (const streaming of streamings) {
      if (streaming.socket.destroyed) continue;
      streaming.socket.write(token(), 'latin1');
      streaming.left -= 1;
      pour(streaming);
    }
  }
}, tickMs);

const server = createServer(serve);
server.listen({ host: process.argv[2] ?? '127.0.0.1', port: 0, backlog: 4096 }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});

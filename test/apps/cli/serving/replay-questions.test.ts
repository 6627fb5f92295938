import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { askQuestions, listQuestions } from '../../../../apps/cli/serving/replay/questions';
import { caseSlice } from '../../../../domain/language/cases/case-slices';

interface Asked {
  readonly path: string;
  readonly body: unknown;
}

/** A gateway that answers every question except one that it refuses. */
async function openGateway(): Promise<{
  readonly url: string;
  readonly asked: Asked[];
  readonly server: Server;
}> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as {
        readonly messages?: readonly { readonly content: string }[];
      };
      asked.push({ path: request.url ?? '', body });
      const question = body.messages?.[0]?.content;
      if (question === 'refused') {
        response.writeHead(503).end('busy');
        return;
      }
      const id = `pred_${question ?? ''}`;
      response
        .writeHead(200, { 'x-perennial-prediction-id': id, 'x-perennial-model-version': 'atlas@2' })
        .end('{}');
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

test('questions are sent in rounds, each as a new conversation, followed by their right answers', async () => {
  const gateway = await openGateway();
  const end = await askQuestions({
    gatewayUrl: gateway.url,
    apiKey: 'pk',
    model: 'atlas',
    rounds: 2,
    parallel: 2,
    questions: [
      { text: 'capital', answers: ['Paris', 'paris, France'] },
      { text: 'opinion', answers: [] },
      { text: 'refused', answers: ['never told'] },
    ],
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  await new Promise((closed) => gateway.server.close(closed));
  expect(end).toMatchObject({
    requests: 6,
    failed: 2,
    labels: 2,
    answeredBy: { 'atlas@2': 4 },
    firstFailure: '503: busy',
  });
  const chats = gateway.asked
    .filter(({ path }) => path === '/v1/chat/completions')
    .map(({ body }) => body);
  expect(chats).toContainEqual({
    model: 'atlas',
    messages: [{ role: 'user', content: 'capital' }],
  });
  const told = gateway.asked
    .filter(({ path }) => path === '/v1/feedback')
    .flatMap(({ body }) => body as object[]);
  expect(told).toHaveLength(2);
  for (const label of told)
    expect(label).toMatchObject({
      predictionId: 'pred_capital',
      label: ['Paris', 'paris, France'],
    });
});

test('the questions are the evaluation cases, and none that chose the prompt', () => {
  const spec = {
    cases: { file: 'cases.ndjson', search: 0.4, confirm: 0.2 },
    prompt: { candidates: ['a.yaml'], input: 'question' },
  };
  const ids = Array.from({ length: 60 }, (_, index) => `q${index}`);
  const lines = ids.map((id, index) =>
    JSON.stringify({
      id,
      input: { question: `What is ${id}?` },
      expected: index % 2 === 0 ? { answer: id, otherAnswers: [`the ${id}`] } : { label: 'thing' },
    }),
  );
  // A case that was accepted once and would now be refused is sent like the others.
  const since = ids.find((id) => caseSlice({ id, pair: null }, spec.cases) === 'judge');
  const stored = lines.map((line, index) =>
    ids[index] === since
      ? JSON.stringify({
          ...(JSON.parse(line) as object),
          rules: [{ kind: 'matches', pattern: '(' }],
        })
      : line,
  );
  const questions = listQuestions(spec, `${stored.join('\n')}\n`);
  const judging = ids.filter((id) => caseSlice({ id, pair: null }, spec.cases) === 'judge');
  expect(questions.map(({ text }) => text).sort()).toEqual(
    judging.map((id) => `What is ${id}?`).sort(),
  );
  expect(questions.length).toBeGreaterThan(10);
  for (const { text, answers } of questions) {
    const id = /What is (.*)\?/.exec(text)?.[1] ?? '';
    expect(answers).toEqual(Number(id.slice(1)) % 2 === 0 ? [id, `the ${id}`] : ['thing']);
  }
});

import { createParser, type EventSourceMessage } from 'eventsource-parser';

/** The server-sent events of a body, each as soon as it is complete. */
export async function* eventMessages(
  body: AsyncIterable<Buffer>,
): AsyncGenerator<EventSourceMessage> {
  const whole: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => whole.push(message) });
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* whole.splice(0);
  }
}

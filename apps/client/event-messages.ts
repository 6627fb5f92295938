import { createParser, type EventSourceMessage } from 'eventsource-parser';

/**
 * The server-sent events of a body, each as soon as it is complete. Calls `onChunk` for all that
 * arrives, also for comments.
 */
export async function* eventMessages(
  body: AsyncIterable<Buffer>,
  onChunk: () => void = () => undefined,
): AsyncGenerator<EventSourceMessage> {
  const whole: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => whole.push(message) });
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    onChunk();
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* whole.splice(0);
  }
}

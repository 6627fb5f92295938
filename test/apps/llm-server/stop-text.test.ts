import fc from 'fast-check';
import { createStopText } from '../../../apps/llm-server/stop-text';

function written(
  pieces: readonly string[],
  stops: readonly string[],
): { readonly sent: string[]; readonly stopped: boolean } {
  const sent: string[] = [];
  const text = createStopText(stops, (delta) => sent.push(delta));
  for (const piece of pieces) if (text.add(piece)) break;
  text.end();
  return { sent, stopped: text.stopped() };
}

describe('the text of an answer', () => {
  test.each([
    ['no stop text', ['a', 'b'], [], 'ab', false],
    ['one within a piece', ['one\n\ntwo'], ['\n\n'], 'one', true],
    ['one across pieces', ['one\n', '\ntwo'], ['\n\n'], 'one', true],
    ['only the beginning of one', ['one\n', 'two'], ['\n\n'], 'one\ntwo', false],
    ['the beginning of one at the end', ['one\n'], ['\n\n'], 'one\n', false],
    ['the first of several', ['a stop b end'], ['end', 'stop'], 'a ', true],
    ['one at the start', ['stop'], ['stop'], '', true],
  ])('with %s', (_what, pieces, stops, text, stopped) => {
    expect({
      text: written(pieces, stops).sent.join(''),
      stopped: written(pieces, stops).stopped,
    }).toEqual({ text, stopped });
  });

  test('holds back only what may begin a stop text', () => {
    expect(written(['ab\n', 'c', '\n', '\n'], ['\n\n']).sent).toEqual(['ab', '\nc']);
  });

  test('ends before the first stop text, however it is split into pieces', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 8 }),
        fc.array(
          letters.filter((stop) => stop !== ''),
          { maxLength: 3 },
        ),
        (pieces, stops) => {
          const whole = pieces.join('');
          const ends = stops
            .map((stop) => whole.indexOf(stop) + stop.length)
            .filter((_end, index) => whole.includes(stops[index] ?? ''));
          const { sent, stopped } = written(pieces, stops);
          expect(stopped).toBe(ends.length > 0);
          // The stop text that is complete first counts; within one piece, the one that begins
          // first.
          if (!stopped) expect(sent.join('')).toBe(whole);
          else for (const stop of stops) expect(sent.join('')).not.toContain(stop);
        },
      ),
    );
  });
});

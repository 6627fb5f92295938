import {
  citationsIn,
  toSafeLink,
  linksIn,
  toSafeSource,
  unknownLinks,
} from '../../../domain/language/citations';
import { processorTime } from '../../support/time/processor-time';

describe('the address of a source', () => {
  test.each([
    ['https://example.org/ada', 'https://example.org/ada'],
    ['http://example.org', 'http://example.org/'],
    ['HTTPS://EXAMPLE.org/Ada', 'https://example.org/Ada'],
  ])('%s is a link', (source, link) => {
    expect(toSafeLink(source)).toBe(link);
    expect(toSafeSource(source)).toBe(link);
  });

  test.each([
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    ' javascript:alert(1)',
    'java\tscript:alert(1)',
    'java\nscript:alert(1)',
    '\u0001javascript:alert(1)',
    '\u200bjavascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:msgbox(1)',
    'file:///etc/passwd',
    'blob:https://example.org/1',
    'https://ada:secret@example.org/',
    'https://',
  ])('%j is neither a link nor a source', (source) => {
    expect(toSafeLink(source)).toBeNull();
    expect(toSafeSource(source)).toBeNull();
  });

  test.each(['handbook.pdf, page 3', 'Ada Lovelace', 'docs/a.md', '../a: b'])(
    '%s is a source but not a link',
    (source) => {
      expect(toSafeLink(source)).toBeNull();
      expect(toSafeSource(source)).toBe(source);
    },
  );
});

describe('the links of an answer', () => {
  test('are found in sentences, in Markdown and in images', () => {
    const answer =
      'See https://a.example/x. Also [b](https://b.example/y_(z)), ![i](https://evil.example/?q=secret) and <https://c.example/>; [x](javascript:alert(1)).';
    expect(linksIn(answer)).toEqual([
      'https://a.example/x',
      'https://b.example/y_(z)',
      'https://evil.example/?q=secret',
      'https://c.example/',
      'javascript:alert(1)',
    ]);
  });

  test('are unknown if they are not sources', () => {
    const sources = ['https://en.wikipedia.org/wiki/Ada_(name)', null, 'javascript:alert(1)'];
    const answer =
      'https://en.wikipedia.org/wiki/Ada_(name)#life, https://evil.example/, javascript:alert(1)';
    expect(unknownLinks(answer, sources)).toEqual(['https://evil.example/', 'javascript:alert(1)']);
  });

  test('are found within seconds in a long hostile answer', async () => {
    const hostile = [
      `https://${'('.repeat(200_000)}${').'.repeat(200_000)}`,
      'https:/'.repeat(200_000),
    ];
    expect((await processorTime(() => hostile.map(linksIn))).milliseconds).toBeLessThan(2_000);
  });
});

test('citations are numbers in brackets, not addresses', () => {
  expect(
    citationsIn('[1] and [2, 3], [https://evil.example], [x](javascript:alert(1))').map(
      ({ number }) => number,
    ),
  ).toEqual([1, 2, 3]);
});

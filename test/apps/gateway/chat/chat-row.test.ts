import type { VersionAnswer } from '../../../../apps/gateway/chat/answer';
import { loggedAnswer } from '../../../../apps/gateway/chat/chat-row';
import { computeDigest } from '../../../../data/digest';

const passed = { outcome: 'passed', findings: [] } as const;
const said: VersionAnswer = {
  answer: { text: 'fine', finish: 'stop', usage: { promptTokens: 1, completionTokens: 1 } },
  blocked: null,
  asked: null,
  malformed: false,
  retrieved: null,
  safety: { policy: computeDigest('policy'), input: passed, output: null, retrieved: null },
};

test.each([
  ['a NUL', 'a\0b'],
  ['a lone surrogate', 'a\ud800b'],
])('with %s in a text that is logged, PostgreSQL can read the row of the answer', (_, text) => {
  const looked = { outcome: 'flagged', findings: [], kept: text } as const;
  const safety = {
    policy: computeDigest('policy'),
    input: looked,
    output: looked,
    retrieved: looked,
  };
  const logged = loggedAnswer({ ...said, safety }, null);
  expect(
    [logged.safety?.input, logged.safety?.output, logged.safety?.retrieved].map(
      (side) => side?.kept,
    ),
  ).toEqual(Array.from({ length: 3 }, () => 'a\ufffdb'));
});

test('a policy that logs nothing leaves the text out', () => {
  expect(loggedAnswer(said, null).safety).toEqual(said.safety);
});

import { countTurn } from '../../../workflows/project/loop-turns';
import { beginUndoCode } from '../../../workflows/run/code-size';

test('a loop that catches the failure of its loops fails again at once, and an undo starts anew', () => {
  const turn = () => {
    countTurn('lifecycles/a.ts:7');
  };
  const endless = () => {
    for (;;) turn();
  };
  const message = 'lifecycles/a.ts:7: the loops of the lifecycle made more than 1,000,000 turns';
  expect(endless).toThrow(message);
  expect(turn).toThrow(message);
  expect(turn).toThrow(message);
  beginUndoCode();
  expect(turn).not.toThrow();
  expect(endless).toThrow(message);
});

import { guardLoops } from '../../../apps/project/loop-guard';

const guard = (text: string) =>
  guardLoops(text, { folder: '/shop', path: '/shop/lifecycles/a.ts', counter: '/turns.ts' });
const added = 'import { countTurn as __countTurn } from "/turns.ts";';
const turn = (line: number) => `__countTurn("lifecycles/a.ts:${line}");`;

test.each([
  ['while (a) { b(); }', `while (a) {${turn(1)} b(); }`],
  ['while (a) b();', `while (a) {${turn(1)}b();}`],
  ['do b(); while (a);', `do {${turn(1)}b();} while (a);`],
  ['for (const a of c) b();', `for (const a of c) {${turn(1)}b();}`],
  ['for (;;)\n  while (a) b();', `for (;;)\n  {${turn(1)}while (a) {${turn(2)}b();}}`],
  ['for (const a in c) for (;;) {}', `for (const a in c) {${turn(1)}for (;;) {${turn(1)}}}`],
])('%s', (text, expected) => {
  expect(guard(text)).toBe(added + expected);
});

test('code without a loop stays as it is', () => {
  expect(guard('export const a = 1;')).toBe('export const a = 1;');
});

import { createQuery, render } from '../../db/sql';

const sql = createQuery(
  () => Promise.reject(new Error('not run')),
  () => Promise.resolve(),
);

describe('the sql tag', () => {
  test('makes every value a parameter', () => {
    expect(render(sql`select ${1}, ${"it's"}, ${null}, ${[1, 2]}`)).toEqual({
      text: 'select $1, $2, $3, $4',
      values: [1, "it's", null, [1, 2]],
    });
  });

  test('splices nested statements in, with their parameters in order', () => {
    const where = sql`a = ${1} and ${sql`b = ${2}`}`;
    expect(render(sql`select ${0} where ${where} limit ${3}`)).toEqual({
      text: 'select $1 where a = $2 and b = $3 limit $4',
      values: [0, 1, 2, 3],
    });
  });

  test('quotes identifiers', () => {
    expect(render(sql`select from ${sql('we"ird')}`)).toEqual({
      text: 'select from "we""ird"',
      values: [],
    });
  });

  test('refuses undefined, which is a bug in Perennial', () => {
    expect(() => render(sql`select ${undefined as unknown as null}`)).toThrow(TypeError);
  });

  test('runs a statement once, however often it is awaited', async () => {
    let runs = 0;
    const counting = createQuery(
      () => Promise.resolve(Object.assign([{ runs: ++runs }], { count: 1 })),
      () => Promise.resolve(),
    );
    const statement = counting`select 1`;
    expect(runs).toBe(0);
    expect(await statement).toEqual(await statement);
    expect(runs).toBe(1);
  });
});

import type { LanceTable } from '../../../data/index/lancedb';
import { openWordCache } from '../../../data/index/word-cache';

function world() {
  const read: string[] = [];
  const index = {
    name: 'text_idx',
    columns: ['text'],
    indexType: 'FTS',
    indexUuid: 'first',
    numIndexedRows: 100,
    numSegments: 1,
    sizeBytes: 2 ** 20,
  };
  const state = {
    indexes: [{ ...index, name: 'vector_idx', columns: ['vector'] }, index],
    away: false,
  };
  const table = {
    listIndices: () => Promise.resolve(state.indexes),
    prewarmIndex: (name: string) => {
      read.push(name);
      return state.away ? Promise.reject(new Error('storage is away')) : Promise.resolve();
    },
  } as unknown as LanceTable;
  const cache = openWordCache();
  const ask = async (name = 'wiki@1') => {
    cache.warm(table, name);
    await new Promise(setImmediate);
  };
  return { read, state, index, ask, forget: (name: string) => cache.forget(name) };
}

describe('the text index of a table', () => {
  test('is read into the cache by the first text question, once per state', async () => {
    const { read, ask } = world();
    for (let question = 0; question < 3; question += 1) await ask();
    expect(read).toEqual(['text_idx']);
    await ask('wiki@2');
    expect(read.length).toBe(2);
  });

  test('is read again after a compaction', async () => {
    const { read, state, index, ask } = world();
    await ask();
    state.indexes = [{ ...index, numIndexedRows: 120, numSegments: 2 }];
    await ask();
    await ask();
    expect(read.length).toBe(2);
  });

  test('is read again after a failure, and skipped when it is missing or too large', async () => {
    const { read, state, index, ask } = world();
    state.away = true;
    await ask();
    state.away = false;
    await ask();
    await ask();
    expect(read.length).toBe(2);
    state.indexes = [{ ...index, sizeBytes: 2 ** 30 }];
    await ask('large@1');
    state.indexes = [];
    await ask('empty@1');
    expect(read.length).toBe(2);
  });

  test('is forgotten when the table is closed, and read again when it is opened', async () => {
    const { read, ask, forget } = world();
    await ask();
    await ask('wiki@2');
    forget('wiki@1');
    await ask('wiki@2');
    expect(read.length).toBe(2);
    await ask();
    expect(read.length).toBe(3);
  });
});

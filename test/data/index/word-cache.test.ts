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

describe('the words of an index', () => {
  test('are read into the cache at the first question by words, and at no other of the same state', async () => {
    const { read, ask } = world();
    for (let question = 0; question < 3; question += 1) await ask();
    expect(read).toEqual(['text_idx']);
    await ask('wiki@2');
    expect(read.length).toBe(2);
  });

  test('are read again when a compaction has made another index of them', async () => {
    const { read, state, index, ask } = world();
    await ask();
    state.indexes = [{ ...index, numIndexedRows: 120, numSegments: 2 }];
    await ask();
    await ask();
    expect(read.length).toBe(2);
  });

  test('are tried again where they could not be read, and a table without them, or with more than is worth it, is asked as it is', async () => {
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

  test('are forgotten with the table, and read again where it is opened again', async () => {
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

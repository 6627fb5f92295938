import { createDiskFailures } from '../../../../apps/gateway/prediction-log/disk-failures';

const full = new Error('ENOSPC: no space left on device, write');
const start = Date.parse('2013-07-01T09:00:00Z');

function watched() {
  const state = { seconds: 0, isFailing: false, rowsInMemory: 0 };
  const disk = createDiskFailures({
    folder: '/srv/spool',
    isFailing: () => state.isFailing,
    rowsInMemory: () => state.rowsInMemory,
    now: () => start + state.seconds * 1000,
  });
  return { state, disk };
}

test('nothing is reported before a write fails', () => {
  const { disk } = watched();
  disk.lost(5);
  expect(disk.current()).toBeNull();
});

test('a failure is reported with its first time and what it costs', () => {
  const { state, disk } = watched();
  disk.failed(full);
  Object.assign(state, { seconds: 10, isFailing: true, rowsInMemory: 7 });
  disk.failed(full);
  disk.lost(5);
  disk.lost(6);
  expect(disk.current()).toEqual({
    folder: '/srv/spool',
    error: 'ENOSPC: no space left on device, write',
    since: '2013-07-01T09:00:00.000Z',
    isFailing: true,
    rowsInMemory: 7,
    rowsLost: 11,
  });
});

test('a failure that ends while the registry is not reachable is reported for a minute after it is back', () => {
  const { state, disk } = watched();
  disk.failed(full);
  disk.lost(3);
  state.seconds = 600;
  expect(disk.current()).toMatchObject({ isFailing: false, rowsLost: 3 });
  disk.reported();
  state.seconds = 660;
  expect(disk.current()).toMatchObject({ rowsLost: 3 });
  disk.reported();
  state.seconds = 661;
  expect(disk.current()).toBeNull();
});

test('a failure stays reported while it lasts, and the next one begins anew', () => {
  const { state, disk } = watched();
  disk.failed(full);
  disk.lost(3);
  state.isFailing = true;
  for (state.seconds = 0; state.seconds < 600; state.seconds += 5) {
    expect(disk.current()).toMatchObject({ rowsLost: 3 });
    disk.reported();
  }
  state.isFailing = false;
  state.seconds = 650;
  expect(disk.current()).not.toBeNull();
  state.seconds = 700;
  expect(disk.current()).toBeNull();
  disk.failed(full);
  expect(disk.current()).toMatchObject({ since: '2013-07-01T09:11:40.000Z', rowsLost: 0 });
});

import type { VolumeResult } from '../../../../domain/monitoring/volume/volume';
import { hourToJudge, withLook } from '../../../../domain/monitoring/volume/volume-state';

const at = (time: string) => Date.parse(`2024-05-08T${time}:00Z`);

const lookAt = (state: ReturnType<typeof withLook> | null, time: string, everySeconds = 15) =>
  withLook(state, { wallMs: at(time), everySeconds });

/** Looks at these times, one after the other. */
const lookedEvery = (everySeconds: number, ...times: readonly string[]) =>
  times.reduce<ReturnType<typeof withLook> | null>(
    (state, time) => lookAt(state, time, everySeconds),
    null,
  );
const looked = (...times: readonly string[]) => lookedEvery(15, ...times);

const judgedUntil = (time: string): VolumeResult => ({
  countedFrom: null,
  judgedUntil: new Date(at(time)).toISOString(),
  scales: [],
});

const next = (state: ReturnType<typeof looked>) => {
  const until = state && hourToJudge(state);
  return until === null ? null : new Date(until).toISOString().slice(11, 16);
};

describe('when the volume of an hour is judged', () => {
  test('ten minutes after its end, also by a monitor without requests', () => {
    const idle = looked('13:40', '13:45', '13:50', '13:55', '14:00', '14:05');
    expect(next(idle)).toBe('13:00');
    expect(next(idle && lookAt(idle, '14:10'))).toBe('14:00');
  });

  test('once', () => {
    const state = looked('13:40', '13:50', '14:00', '14:10');
    expect(next(state && { ...state, result: judgedUntil('13:00') })).toBe('14:00');
    expect(next(state && { ...state, result: judgedUntil('14:00') })).toBeNull();
  });

  test('ten minutes after the monitor looks again, because gateways report late after an outage', () => {
    expect(next(looked('09:00', '14:30'))).toBeNull();
    expect(next(looked('09:00', '14:30', '14:35'))).toBeNull();
    expect(next(looked('09:00', '14:30', '14:35', '14:40'))).toBe('14:00');
  });

  test('by a monitor that looks once an hour, at its next look', () => {
    expect(next(lookedEvery(3_600, '10:20', '11:20', '12:20'))).toBe('12:00');
    expect(next(lookedEvery(3_600, '06:20', '12:20'))).toBeNull();
  });

  test('a promotion and other settings keep what is known', () => {
    const state = {
      lookedMs: at('14:05'),
      resumedMs: at('08:00'),
      result: judgedUntil('13:00'),
      waitsFor: null,
    };
    expect(lookAt(state, '14:10')).toEqual({ ...state, lookedMs: at('14:10') });
  });
});

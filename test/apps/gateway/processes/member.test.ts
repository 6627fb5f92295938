import { EventEmitter } from 'node:events';
import { joinGateways } from '../../../../apps/gateway/processes/member';
import type { MemberMessage } from '../../../../apps/gateway/processes/messages';

function openChannel() {
  const emitter = new EventEmitter();
  const sent: MemberMessage[] = [];
  const channel = Object.assign(emitter, {
    send: (message: MemberMessage) => sent.push(message) > 0,
    disconnect: () => emitter.emit('disconnect'),
  }) as unknown as NonNullable<Parameters<typeof joinGateways>[1]>;
  return { emitter, sent, channel };
}

test('a member asks the supervisor for the metrics of all, and sends its own when asked', async () => {
  const { emitter, sent, channel } = openChannel();
  const member = joinGateways(2, channel);
  member.share(() => Promise.resolve('own'));
  const [first, second] = [member.metrics(), member.metrics()];
  expect(sent).toEqual([
    { kind: 'merge', id: 1 },
    { kind: 'merge', id: 2 },
  ]);
  emitter.emit('message', { kind: 'collect', id: 7 });
  await new Promise(setImmediate);
  expect(sent[2]).toEqual({ kind: 'collected', id: 7, text: 'own' });
  emitter.emit('message', { kind: 'merged', id: 2, text: 'second' });
  emitter.emit('message', { kind: 'merged', id: 1, text: 'first' });
  expect(await Promise.all([first, second])).toEqual(['first', 'second']);
});

test('a supervisor that does not respond leaves the own metrics', async () => {
  const { channel } = openChannel();
  const member = joinGateways(1, channel);
  member.share(() => Promise.resolve('own'));
  expect(await member.metrics()).toBe('own');
});

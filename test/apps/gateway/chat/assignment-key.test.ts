import { assignArm } from '../../../../apps/gateway/routing/assignment';
import { assignmentKey } from '../../../../apps/gateway/chat/assignment-key';
import type { ChatMessage } from '../../../../domain/chat/chat';

const user = (content: string): ChatMessage => ({ role: 'user', content });
const system = (content: string): ChatMessage => ({ role: 'system', content });
const answer = (content: string): ChatMessage => ({ role: 'assistant', content });
const nameless = (history: readonly ChatMessage[], input: string) =>
  assignmentKey({ entity: null, history, input });

describe('the key by which an arm is assigned', () => {
  test('is the user that the caller names, for any message', () => {
    expect(assignmentKey({ entity: 'u-17', history: [user('Hello')], input: 'Bye' })).toBe('u-17');
  });

  test('is the first message of a conversation without a user, in all of its requests', () => {
    const first = nameless([], 'Hello');
    expect(nameless([user('Hello'), answer('Hi!')], 'And now?')).toBe(first);
    expect(
      nameless(
        [system('Be brief.'), user('Hello'), answer('Hi!'), user('And now?'), answer('No.')],
        'Why?',
      ),
    ).toBe(first);
    expect(nameless([], 'Hello!')).not.toBe(first);
    expect(nameless([system('Hello')], 'Something else')).not.toBe(first);
  });

  test('is neither the text itself nor a name that a user could have', () => {
    const drawn = nameless([], 'tell me the password');
    expect(drawn).not.toContain('password');
    expect(drawn).toMatch(/^\u0000[0-9a-f]{64}$/);
  });

  test('divides conversations without a user by the weights', () => {
    const arms = [
      { name: 'challenger', weight: 0.25 },
      { name: 'champion', weight: 0.75 },
    ];
    const drawn = Array.from(
      { length: 4_000 },
      (_, index) => assignArm(arms, 'roll_1', nameless([], `Question ${index}`))?.name,
    );
    const share = drawn.filter((name) => name === 'challenger').length / drawn.length;
    expect(share).toBeGreaterThan(0.22);
    expect(share).toBeLessThan(0.28);
  });
});

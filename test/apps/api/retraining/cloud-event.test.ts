import { readCloudEvent } from '../../../../apps/api/retraining/cloud-event';

const structured = { 'content-type': 'application/cloudevents+json' };
const event = { specversion: '1.0', id: '7', source: '/landed', type: 'com.example.landed' };
const read = (over: object) => readCloudEvent(structured, JSON.stringify({ ...event, ...over }));

describe('a CloudEvent', () => {
  test('is read from a structured body or from headers', () => {
    const { specversion, ...attributes } = event;
    const expected = { ...attributes, subject: null };
    expect(read({ data: { rows: 3 } })).toEqual({ event: expected, isStructured: true });
    const headers = {
      'ce-specversion': specversion,
      'ce-id': event.id,
      'ce-source': '%2Flanded',
      'ce-type': event.type,
    };
    expect(readCloudEvent(headers, '')).toEqual({ event: expected, isStructured: false });
  });

  test.each([
    ['without an id', { id: undefined }, 'id: '],
    ['of another version', { specversion: '0.3' }, 'specversion: '],
    ['with a control character', { id: 'a\u0000' }, 'id: must not have control characters'],
    ['with a lone surrogate', { source: '\ud800' }, 'source: must not have control characters'],
    ['with a source of too many bytes', { source: 'é'.repeat(501) }, 'source: must have at most'],
  ])('%s is refused, and the error names the attribute', (_, over, error) => {
    expect(() => read(over)).toThrow(error);
  });
});

import { redact } from '../../../../activities/training/compute/redact';

test.each([
  ['connecting to postgres://user:hunter2@db:5432/x', 'connecting to postgres://***@db:5432/x'],
  ['key AKIAABCDEFGHIJKLMNOP in use', 'key *** in use'],
  ['sent jt_a2V5.eyJ0.c2ln_-x to it', 'sent *** to it'],
  ['Authorization: Bearer eyJhbGciOi.abc-def', 'Authorization: Bearer ***'],
  ['AWS_SECRET_ACCESS_KEY=wJalr/XUtn', 'AWS_SECRET_ACCESS_KEY=***'],
  ["{'password': 'open sesame', 'rows': 3}", "{'password': ***, 'rows': 3}"],
  ['api_key = abc, next', 'api_key = ***, next'],
])('hides the secret in %s', (text, shown) => {
  expect(redact(text)).toBe(shown);
});

test.each([
  '2,000 rows in 3 s',
  'http://localhost:8700/api/v1/runs',
  'the tokens of 12 documents',
  'Traceback (most recent call last):',
])('does not change %s', (text) => {
  expect(redact(text)).toBe(text);
});

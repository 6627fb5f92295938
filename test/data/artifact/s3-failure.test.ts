import { openS3, toFailure } from '../../../data/artifact/s3';

const s3 = openS3({
  endpoint: 'http://store.test',
  region: 'us-east-1',
  bucket: 'perennial',
  accessKeyId: 'a',
  secretAccessKey: 'b',
});
afterAll(() => s3.client.destroy());

function answer(name: string, message: string, httpStatusCode = 403): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
}

describe('an error of the store', () => {
  test.each([
    [
      'AWS and SeaweedFS',
      answer(
        'RequestTimeTooSkewed',
        'The difference between the request time and the server’s time is too large.',
      ),
    ],
    [
      'a store that names it only in the message',
      answer(
        'AccessDenied',
        'The difference between the request time and the current time is too large',
      ),
    ],
    ['a signed address', answer('AccessDenied', 'Request has expired')],
    [
      'a signature of the future',
      answer('SignatureDoesNotMatch', 'Signature not yet current: 20261128T120000Z is still later'),
    ],
    [
      'an expired signature',
      answer(
        'SignatureDoesNotMatch',
        'Signature expired: 20261128T100000Z is now earlier than 20261128T114500Z',
      ),
    ],
  ])('for a wrong clock is retryable and names the clocks: %s', (_, error) => {
    const failed = toFailure(s3, 'read x', error);
    expect(failed).toMatchObject({
      type: 'StorageUnavailable',
      next: expect.stringContaining('NTP') as string,
    });
    expect(failed.message).toContain('the clocks of this machine');
    expect(failed.next).not.toContain('AWS_ACCESS_KEY_ID');
  });

  test.each([
    [
      'a wrong secret',
      answer(
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided.',
      ),
    ],
    ['missing permissions', answer('AccessDenied', 'Access Denied.')],
    ['an expired temporary credential', answer('ExpiredToken', 'The provided token has expired.')],
  ])('for %s is final and names the credentials', (_, error) => {
    expect(toFailure(s3, 'read x', error)).toMatchObject({
      type: 'Forbidden',
      next: expect.stringContaining('AWS_ACCESS_KEY_ID') as string,
    });
  });
});

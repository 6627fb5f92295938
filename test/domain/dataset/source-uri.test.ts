import { absoluteUri, isRelativeUri, uriProblem } from '../../../domain/dataset/source-uri';

describe('the URI of a source', () => {
  test.each([
    'sample://flights',
    'file:///data/flights.parquet',
    'file://./data/flights.csv',
    'file://../shared/flights.csv',
    's3://bucket/key/part-0.parquet',
    'https://host/flights.csv',
    'https://host:8443/a%20b.csv?part=1',
    'dataset://flight-delay.flights@approved',
    'dataset://flight-delay.hourly_weather@7',
    'dataset://flight-delay.request-rows@2',
    'https://host/users/me@home.csv',
  ])('may be %s', (uri) => {
    expect(uriProblem(uri)).toBeNull();
  });

  test.each([
    ['flights.csv', 'has no scheme'],
    ['', 'has no scheme'],
    ['/data/flights.csv', 'has no scheme'],
    ['sample://Flights', 'is not a sample:// address'],
    ['sample://../flights', 'is not a sample:// address'],
    ['file://data/flights.csv', 'is not a file:// address'],
    ['file:///', 'is not a file:// address'],
    ['s3://bucket', 'is not a s3:// address'],
    ['s3:///key', 'is not a s3:// address'],
    ['https://', 'is not a https:// address'],
    ['https://host', 'is not a https:// address'],
    ['https://ho st/x', 'is not a https:// address'],
    ['dataset://flight-delay.flights', 'is not a dataset:// address'],
    ['dataset://flight-delay.flights@0', 'is not a dataset:// address'],
    ['dataset://flights@approved', 'is not a dataset:// address'],
    ['http://host/x', 'has the scheme http://, which is not supported'],
    ['ftp://host/x', 'has the scheme ftp://, which is not supported'],
    ['postgres://db/x', 'has the scheme postgres://, which is not in this version'],
    ['postgresql://db/x', 'has the scheme postgresql://, which is not in this version'],
    [`https://host/${'x'.repeat(3_000)}`, 'is longer than 2048 characters'],
  ])('may not be %.40s', (uri, detail) => {
    expect(uriProblem(uri)?.detail).toBe(detail);
  });

  test.each([
    'https://user:secret@host/x',
    'https://user@host/x',
    's3://AKIA:secret@bucket/key',
    'postgres://user:secret@db/x',
    'https://host/x?token=secret',
    'https://host/x?a=1&ACCESS_TOKEN=secret',
    'https://host/x?X-Amz-Signature=secret',
    'https://host/x?X-Amz-Credential=secret',
    'https://host/x?sig=secret',
    'https://host/x?api%5Fkey=secret',
    'https://host/x?%zz=1&password=secret',
  ])('may not hold the credential of %s, nor does the answer', (uri) => {
    const problem = uriProblem(uri);
    expect(problem?.detail).toBe('has a credential, which every reader of the lifecycle could see');
    expect(JSON.stringify(problem)).not.toContain('secret');
  });

  test.each([
    ['file://./x.csv', '/home/a', 'file:///home/a/x.csv'],
    ['file://../b/./x.csv', '/home/a', 'file:///home/b/x.csv'],
    ['file://../../../../x.csv', '/home/a', 'file:///x.csv'],
    ['file:///x.csv', '/home/a', 'file:///x.csv'],
    ['s3://b/../x', '/home/a', 's3://b/../x'],
  ])('%s in %s is %s', (uri, folder, expected) => {
    expect(absoluteUri(uri, folder)).toBe(expected);
    expect(isRelativeUri(expected)).toBe(false);
  });
});

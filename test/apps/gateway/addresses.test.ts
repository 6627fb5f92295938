import { withPort } from '../../../apps/gateway/addresses';

describe("a member's own address", () => {
  const server = { address: () => ({ address: '0.0.0.0', family: 'IPv4', port: 4321 }) };

  test.each([
    ['http://10.0.0.7:8710', 'http://10.0.0.7:4321'],
    // A proxy speaks TLS for the shared address. The process itself does not.
    ['https://models.example.com', 'http://models.example.com:4321'],
    ['https://models.example.com:8443/path', 'http://models.example.com:4321'],
    ['http://[::1]:8710', 'http://[::1]:4321'],
  ])('of %s is %s', (url, own) => expect(withPort(url, server, { tls: false })).toBe(own));

  test.each([
    ['https://models.example.com:8710', 'https://models.example.com:4321'],
    ['http://127.0.0.1', 'https://127.0.0.1:4321'],
  ])('of %s with TLS in the process is %s', (url, own) =>
    expect(withPort(url, server, { tls: true })).toBe(own),
  );
});

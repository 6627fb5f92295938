import { once } from 'node:events';
import { link, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSocketServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openReading, writeParquet, type Reading, type ReadOptions } from './reading';

let reading: Reading;
beforeAll(async () => {
  reading = await openReading();
});
afterAll(() => reading.close());

const refused = (type: string, message: RegExp) => ({
  type,
  message: expect.stringMatching(message) as string,
});

describe('a URI that is refused without a request', () => {
  test.each([
    ['postgres://db.example/trips', 'NotInThisVersion', /postgres:\/\/ is not in this version/],
    ['postgresql://user:Ms-Secret@db.example/trips', 'NotInThisVersion', /not in this version/],
    ['https://user:Ms-Secret@data.example/trips.csv', 'SourceRefused', /has a credential/],
    [
      'https://data.example/trips.csv?X-Amz-Signature=Ms-Secret',
      'SourceRefused',
      /has a credential/,
    ],
    ['s3://key:Ms-Secret@bucket/trips.csv', 'SourceRefused', /has a credential/],
    [
      'http://data.example/trips.csv',
      'SourceRefused',
      /scheme http:\/\/, which is not supported; did you mean https:\/\/\?/,
    ],
    ['ftp://data.example/trips.csv', 'SourceRefused', /scheme ftp/],
    ['trips.csv', 'SourceRefused', /has no scheme/],
    [
      'https://127.0.0.1/trips.csv',
      'SourceRefused',
      /127\.0\.0\.1 is, or resolves to, a private, loopback or link-local address/,
    ],
    ['https://2130706433/trips.csv', 'SourceRefused', /private, loopback/],
    ['https://0x7f.1/trips.csv', 'SourceRefused', /private, loopback/],
    ['https://[::1]/trips.csv', 'SourceRefused', /private, loopback/],
    ['https://[::ffff:10.0.0.1]/trips.csv', 'SourceRefused', /private, loopback/],
    ['https://169.254.169.254/latest/meta-data', 'SourceRefused', /private, loopback/],
    ['https://localhost/trips.csv', 'SourceRefused', /localhost is, or resolves to, a private/],
    ['s3://bucket/trips.csv', 'SourceRefused', /not configured for an S3 service/],
    [
      'sample://flihgts',
      'NotFound',
      /sample "flihgts" does not exist; did you mean sample:\/\/flights\?/,
    ],
    ['dataset://shop.trips@latest', 'NotFound', /dataset shop\.trips@latest does not exist/],
  ])('%s', async (uri, type, message) => {
    const error = await reading
      .uri(uri, uri.startsWith('sample') || uri.startsWith('dataset') ? 'parquet' : 'csv')
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject(refused(type, message));
    expect(String(error)).not.toContain('Ms-Secret');
  });
});

describe('a file', () => {
  let outside: string;
  beforeAll(async () => {
    outside = await mkdtemp(join(tmpdir(), 'outside-'));
    await writeFile(join(outside, 'trips.csv'), 'a\n1\n');
  });
  afterAll(() => rm(outside, { recursive: true, force: true }));
  const read = (path: string, options?: ReadOptions) =>
    reading.uri(pathToFileURL(path).href, 'csv', options);

  test('outside of the allowed folders is refused, also through a link or dots', async () => {
    await symlink(outside, join(reading.folder, 'link'));
    for (const path of [join(outside, 'trips.csv'), join(reading.folder, 'link', 'trips.csv')]) {
      await expect(read(path)).rejects.toMatchObject(
        refused('SourceRefused', /outside of the folders/),
      );
    }
    const dotted = `file://${reading.folder}/../${outside.split('/').at(-1) ?? ''}/trips.csv`;
    await expect(reading.uri(dotted, 'csv')).rejects.toMatchObject(
      refused('SourceRefused', /outside of the folders/),
    );
  });

  describe('of the platform itself', () => {
    let state: string;
    beforeAll(async () => {
      state = join(reading.folder, 'state');
      await mkdir(join(state, 'run'), { recursive: true });
      await mkdir(join(reading.folder, '.git'));
      await mkdir(join(reading.folder, '.hidden'));
      for (const path of ['state/run/audit-key.pem', '.git/config', '.env', '.hidden/trips.csv']) {
        await writeFile(join(reading.folder, path), 'a\n1\n');
      }
      await symlink(join(state, 'run', 'audit-key.pem'), join(reading.folder, 'trips-1.csv'));
      await symlink(state, join(reading.folder, 'folder-1'));
      await symlink(join(reading.folder, '.env'), join(reading.folder, 'trips-2.csv'));
    });
    const policy = () => ({ files: { roots: [reading.folder], denied: [state] } });

    test.each([
      ['by its path', '/state/run/audit-key.pem', /the platform's own state/],
      ['by a link to it', '/trips-1.csv', /the platform's own state/],
      ['by a link to its folder', '/folder-1/run/audit-key.pem', /the platform's own state/],
      ['by dots', '/.hidden/../state/run/audit-key.pem', /the platform's own state/],
      [
        'by encoded dots',
        '/%2ehidden/%2E%2e/state/%72un/audit-key.pem',
        /the platform's own state/,
      ],
      ['as a repository', '/.git/config', /the platform's own state/],
      ['as a hidden file', '/.env', /begins with a dot/],
      ['as a hidden file with an encoded dot', '/%2eenv', /begins with a dot/],
      ['as a link to a hidden file', '/trips-2.csv', /begins with a dot/],
      ['as a file in a hidden folder', '/.hidden/trips.csv', /begins with a dot/],
    ])('is refused even below a root, %s', async (_, path, message) => {
      const uri = `file://${reading.folder}${path}`;
      await expect(reading.uri(uri, 'csv', { policy: policy() })).rejects.toMatchObject(
        refused('SourceRefused', message),
      );
    });

    test('is refused under another path of its folder, such as a bind mount', async () => {
      // Folders have no hard links, so the denied path here is another spelling of the
      // folder that the file lies in.
      await symlink(state, join(reading.folder, 'other-name'));
      const files = { roots: [reading.folder], denied: [join(reading.folder, 'other-name')] };
      const uri = `file://${state}/run/audit-key.pem`;
      await expect(reading.uri(uri, 'csv', { policy: { files } })).rejects.toMatchObject(
        refused('SourceRefused', /own state/),
      );
    });

    test('is not read by another name of it (a hard link) in an allowed folder', async () => {
      await link(join(state, 'run', 'audit-key.pem'), join(reading.folder, 'trips-3.csv'));
      await expect(read(join(reading.folder, 'trips-3.csv'))).rejects.toMatchObject(
        refused('SourceRefused', /has 2 names \(hard links\)/),
      );
    });

    test('is not read when a link is redirected to it after the check', async () => {
      const swapped = join(reading.folder, 'swapped.csv');
      const plain = join(reading.folder, 'plain.csv');
      await writeFile(plain, 'a\n1\n');
      await writeFile(join(state, 'run', 'audit-key.pem'), 'secret\nkey\n');
      let stop = false;
      const swapping = (async () => {
        for (let turn = 0; !stop; turn++) {
          const next = join(reading.folder, `next-${turn}`);
          await symlink(turn % 2 === 0 ? plain : join(state, 'run', 'audit-key.pem'), next);
          await rename(next, swapped);
        }
      })();
      await new Promise((resolve) => setTimeout(resolve, 50));
      const outcomes = [];
      for (let turn = 0; turn < 40; turn++) {
        const uri = pathToFileURL(swapped).href;
        const outcome = await reading
          .uri(uri, 'csv', { policy: policy() })
          .catch((error: unknown) => error as Error);
        outcomes.push(
          outcome instanceof Error
            ? outcome.message
            : outcome.columns.map(({ name }) => name).join(),
        );
      }
      stop = true;
      await swapping;
      expect(
        outcomes.filter(
          (outcome) => outcome !== 'a' && !outcome.includes("the platform's own state"),
        ),
      ).toEqual([]);
    });
  });

  test('below a root with an asterisk is read from any one folder except node_modules', async () => {
    for (const path of ['churn/data', 'churn/other', 'node_modules/data']) {
      await mkdir(join(reading.folder, 'clone', path), { recursive: true });
      await writeFile(join(reading.folder, 'clone', path, 'trips.csv'), 'a\n1\n');
    }
    const policy = { files: { roots: [join(reading.folder, 'clone', '*', 'data')], denied: [] } };
    const at = (path: string) => read(join(reading.folder, 'clone', path, 'trips.csv'), { policy });
    expect((await at('churn/data')).rows).toBe(1);
    for (const path of ['churn/other', 'node_modules/data']) {
      await expect(at(path)).rejects.toMatchObject(
        refused('SourceRefused', /outside of the folders/),
      );
    }
  });

  test('that is missing, a folder, a socket or on another host is refused', async () => {
    await mkdir(join(reading.folder, 'folder.csv'));
    const socket = createSocketServer().listen(join(reading.folder, 'socket.csv'));
    await once(socket, 'listening');
    await expect(read(join(reading.folder, 'none.csv'))).rejects.toMatchObject(
      refused('NotFound', /the file does not exist/),
    );
    await expect(read(join(reading.folder, 'folder.csv'))).rejects.toMatchObject(
      refused('SourceRefused', /the path is a folder/),
    );
    await expect(read(join(reading.folder, 'socket.csv'))).rejects.toMatchObject(
      refused('SourceRefused', /not a regular file/),
    );
    socket.close();
    await expect(reading.uri('file://host/trips.csv', 'csv')).rejects.toMatchObject(
      refused('SourceRefused', /file:\/\//),
    );
  });

  test('that is too large is refused before reading', async () => {
    const large = reading.file('large.csv', `a\n${'1\n'.repeat(1000)}`, 'csv', {
      limits: { maxBytes: 1000 },
    });
    await expect(large).rejects.toMatchObject(
      refused('SourceTooLarge', /has 2002 bytes, more than 1000 bytes/),
    );
  });
});

describe('a sample', () => {
  test('is one of the provisioned tables', async () => {
    const samples = join(reading.folder, 'samples');
    await expect(reading.uri('sample://flights', 'parquet')).rejects.toMatchObject(
      refused('NotFound', /are not installed on this machine/),
    );
    await mkdir(samples);
    await writeParquet(join(samples, 'flights.parquet'), 'SELECT 1 AS a');
    expect((await reading.uri('sample://flights', 'parquet')).rows).toBe(1);
    await expect(reading.uri('sample://flights', 'csv')).rejects.toMatchObject(
      refused('InvalidInput', /samples are Parquet/),
    );
  });
});

describe('a web address', () => {
  let server: Server;
  let base: string;
  let answer: RequestListener;
  const inside = { policy: { allowPrivateAddresses: true } };
  beforeAll(async () => {
    server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const read = (path: string, options?: ReadOptions) =>
    reading.uri(`${base}${path}`, 'csv', { ...inside, ...options });

  test('is read where private addresses are allowed, through redirects', async () => {
    answer = ({ url }, response) => {
      if (url === '/old') response.writeHead(302, { location: '/new' }).end();
      else response.end('a,b\n1,2\n');
    };
    expect((await read('/old')).rows).toBe(1);
  });

  test('with a redirect to another scheme or an endless redirect is refused', async () => {
    answer = ({ url }, response) =>
      response
        .writeHead(302, { location: url === '/file' ? 'file:///etc/passwd' : '/again' })
        .end();
    await expect(read('/file')).rejects.toMatchObject(
      refused('SourceRefused', /redirects to file:\/\//),
    );
    await expect(read('/loop')).rejects.toMatchObject(
      refused('SourceRefused', /redirects more than 5 times/),
    );
  });

  test.each([
    [404, 'NotFound', /answered 404: the file does not exist/],
    [403, 'SourceRefused', /answered 403/],
    [500, 'SourceUnreachable', /answered 500/],
    [429, 'SourceUnreachable', /answered 429/],
    [206, 'SourceRefused', /answered 206/],
  ])('that answers %s', async (status, type, message) => {
    answer = (_, response) => response.writeHead(status).end('no');
    await expect(read('/trips.csv?page=1')).rejects.toMatchObject(refused(type, message));
  });

  test('that announces or sends too many bytes is refused as soon as possible', async () => {
    const limits = { maxBytes: 100_000 };
    answer = (_, response) => response.writeHead(200, { 'content-length': '100001' }).write('a');
    await expect(read('/announced', { limits })).rejects.toMatchObject(
      refused('SourceTooLarge', /has 100001 bytes/),
    );
    let sent = 0;
    answer = (_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('1\n'.repeat(8192))) sent += 16_384;
      };
      response.on('drain', more);
      more();
    };
    await expect(read('/endless', { limits })).rejects.toMatchObject(
      refused('SourceTooLarge', /larger than 100000 bytes/),
    );
    expect(sent).toBeLessThan(50_000_000);
  });

  test('that sends slowly does not exceed the time limit', async () => {
    answer = (_, response) => {
      const trickle = setInterval(() => response.write('1\n'), 20);
      response.on('close', () => clearInterval(trickle));
    };
    const slow = read('/slow', { limits: { timeoutSeconds: 0.3 } });
    await expect(slow).rejects.toMatchObject(
      refused('SourceUnreachable', /was not downloaded within 0.3 s/),
    );
  });

  test('that aborts the transfer or refuses the connection is unreachable', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('a\n1\n');
      setTimeout(() => response.destroy(), 20);
    };
    await expect(read('/cut')).rejects.toMatchObject(
      refused('SourceUnreachable', /transfer failed/),
    );
    await expect(reading.uri('http://127.0.0.1:1/trips.csv', 'csv', inside)).rejects.toMatchObject(
      refused('SourceUnreachable', /the host refused the connection \(ECONNREFUSED\)/),
    );
  });

  test('is refused if the server compresses although the request forbids it', async () => {
    answer = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
    await expect(read('/gzip')).rejects.toMatchObject(
      refused('SourceRefused', /compressed the file/),
    );
  });

  test('is shown in errors without its query', async () => {
    answer = (_, response) => response.writeHead(404).end();
    const error = await read('/trips.csv?customer=Ms-Secret').catch((thrown: unknown) => thrown);
    expect(String(error)).not.toContain('Ms-Secret');
  });

  test('is no longer read after the run is cancelled', async () => {
    const cancel = new AbortController();
    answer = (_, response) => {
      response.write('a\n');
      cancel.abort(new Error('cancelled by a person'));
    };
    await expect(read('/cancelled', { signal: cancel.signal })).rejects.toThrow(
      'cancelled by a person',
    );
  });
});

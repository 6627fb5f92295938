import fs, { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { readToFile } from '../../../data/artifact/download';
import { casKey } from '../../../data/artifact/location';
import type { S3 } from '../../../data/artifact/s3';
import { sha256 } from '../../../data/digest';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'perennial-download-'))));
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

test('a damaged download that fails while its file is being opened leaves no partial file', async () => {
  const open = fs.open.bind(fs) as (...args: unknown[]) => void;
  jest
    .spyOn(fs, 'open')
    .mockImplementation((...args: unknown[]) => void setTimeout(() => open(...args), 50));
  const send = () =>
    Promise.resolve({ Body: Readable.from([Buffer.from('wrong')]), ContentLength: 5 });
  const s3 = { bucket: 'bucket', client: { send } } as unknown as S3;
  const digest = sha256(Buffer.from('right'));
  const ref = {
    uri: `s3://bucket/${casKey('default', digest)}`,
    digest,
    bytes: 5,
    mediaType: 'text/plain',
  };
  await expect(readToFile(s3, ref, join(folder, 'damaged'), {})).rejects.toMatchObject({
    type: 'DigestMismatch',
  });
  await new Promise((later) => setTimeout(later, 200));
  expect(readdirSync(folder)).toEqual([]);
});

import { Transform } from 'node:stream';
import { formatByteSize } from '../../../domain/byte-size';

/** Passes bytes on and fails with the error of `tooLarge` beyond `maxBytes`. */
export function limitBytes(
  maxBytes: number,
  tooLarge: (detail: string) => Error,
  onProgress: (bytes: number) => void,
): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.byteLength;
      onProgress(bytes);
      if (bytes > maxBytes) done(tooLarge(`the source is larger than ${formatByteSize(maxBytes)}`));
      else done(null, chunk);
    },
  });
}

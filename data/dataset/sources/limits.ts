import { Transform } from 'node:stream';
import { formatByteSize } from '../../../domain/byte-size';

/** Passes bytes on until there are more than `maxBytes`; then fails by what `tooLarge` makes. */
export function limited(
  maxBytes: number,
  tooLarge: (detail: string) => Error,
  onProgress: (bytes: number) => void,
): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.byteLength;
      onProgress(bytes);
      if (bytes > maxBytes) done(tooLarge(`it is larger than ${formatByteSize(maxBytes)}`));
      else done(null, chunk);
    },
  });
}

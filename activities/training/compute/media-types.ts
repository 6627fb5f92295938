import { extname } from 'node:path';

const byExtension: Readonly<Record<string, string>> = {
  '.onnx': 'application/onnx',
  '.json': 'application/json',
  '.ndjson': 'application/x-ndjson',
  '.parquet': 'application/vnd.apache.parquet',
  '.csv': 'text/csv',
  '.txt': 'text/plain; charset=utf-8',
};

export function findMediaType(name: string): string {
  return byExtension[extname(name)] ?? 'application/octet-stream';
}

/** The extension of an input's file, for libraries that go by it. */
export function findExtension(mediaType: string): string {
  const [kind] = mediaType.split(';');
  const known = Object.entries(byExtension).find(([, each]) => each.split(';')[0] === kind);
  return known?.[0] ?? '.bin';
}

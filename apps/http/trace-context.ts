import { randomFillSync } from 'node:crypto';

/**
 * W3C Trace Context, level 1: the trace of the request, or a new one, with a span of this process.
 */
export interface TraceContext {
  readonly traceId: string;
  /** Header for outgoing requests and for the response. */
  readonly traceparent: string;
}

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const noTrace = '0'.repeat(32);
const noParent = '0'.repeat(16);

export function traceContext(incoming: string | string[] | undefined): TraceContext {
  const parent = typeof incoming === 'string' ? parse(incoming) : null;
  const traceId = parent?.traceId ?? randomHex(16);
  return { traceId, traceparent: `00-${traceId}-${randomHex(8)}-${parent?.flags ?? '01'}` };
}

function parse(header: string): { readonly traceId: string; readonly flags: string } | null {
  const match = form.exec(header);
  if (match === null) return null;
  const [, version, traceId = '', parentId, flags = '', rest] = match;
  // Version ff is forbidden. Version 00 has exactly four fields; later versions may have more.
  if (
    version === 'ff' ||
    (version === '00' && rest !== undefined) ||
    traceId === noTrace ||
    parentId === noParent
  )
    return null;
  return { traceId, flags: (Number.parseInt(flags, 16) & 1) === 1 ? '01' : '00' };
}

// One system call per 170 ids, because each request needs an id.
const pool = Buffer.alloc(4096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}

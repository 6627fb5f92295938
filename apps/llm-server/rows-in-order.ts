import { failure } from '../../domain/failure';
import type { LlamaContext } from './llama-cpp';

/** What a context of node-llama-cpp does natively, each call on a thread of its own. */
interface NativeContext {
  decodeBatch(): Promise<unknown>;
  sampleToken(...read: readonly unknown[]): Promise<unknown>;
}

/**
 * llama.cpp reckons the sequences of a batch in an order of its own, and puts their rows back into
 * ours when the first of them is read. node-llama-cpp reads them on several threads at once: two
 * that came first together moved rows twice, and callers got each other's tokens. So the first read
 * after a batch is waited for; the others change nothing any more, and go on side by side.
 */
export function readRowsInOrder(context: LlamaContext): LlamaContext {
  const native = nativeOf(context);
  const [decodeBatch, sampleToken] = [
    native.decodeBatch.bind(native),
    native.sampleToken.bind(native),
  ];
  let first: Promise<unknown> | null = null;
  const inOrder: NativeContext = {
    decodeBatch() {
      first = null;
      return decodeBatch();
    },
    sampleToken(...read) {
      if (first !== null) return first.then(() => sampleToken(...read));
      const sampled = sampleToken(...read);
      first = sampled.catch(() => undefined);
      return sampled;
    },
  };
  // Those of its class cannot be assigned to.
  for (const [name, value] of Object.entries(inOrder))
    Object.defineProperty(native, name, { value });
  return context;
}

function nativeOf(context: LlamaContext): NativeContext {
  const { _ctx: native } = context as LlamaContext & { readonly _ctx?: Partial<NativeContext> };
  if (typeof native?.decodeBatch === 'function' && typeof native.sampleToken === 'function')
    return native as NativeContext;
  throw failure(
    'PlatformUnavailable',
    'the runtime of the embedded language model does not match this version',
    {
      next: 'npm run provision:llm',
    },
  );
}

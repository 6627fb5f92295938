import { failure } from '../../domain/failure';
import type { LlamaContext } from './llama-cpp';

/** The native calls of a context of node-llama-cpp. Each runs on its own thread. */
interface NativeContext {
  decodeBatch(): Promise<unknown>;
  sampleToken(...read: readonly unknown[]): Promise<unknown>;
}

/**
 * Serialize the first read after each batch. llama.cpp computes the sequences of a batch in its own
 * order and reorders the rows at the first read. node-llama-cpp reads on several threads, so two
 * first reads could reorder twice, and callers got the tokens of others. Later reads run in
 * parallel.
 */
export function readRowsInOrder(context: LlamaContext): LlamaContext {
  const native = readNative(context);
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
  // The methods of the native class are not writable.
  for (const [name, value] of Object.entries(inOrder))
    Object.defineProperty(native, name, { value });
  return context;
}

function readNative(context: LlamaContext): NativeContext {
  const { _ctx: native } = context as LlamaContext & { readonly _ctx?: Partial<NativeContext> };
  if (typeof native?.decodeBatch === 'function' && typeof native.sampleToken === 'function')
    return native as NativeContext;
  throw failure(
    'PlatformUnavailable',
    'the installed node-llama-cpp does not match this version of Perennial',
    { next: 'npm run provision:llm' },
  );
}

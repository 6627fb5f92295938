import { digestOfFile } from '../../../data/digest';
import { llmModelPath } from '../../../data/language/runtime-module';
import { ggufFile } from './gguf-file';

const [rank, hidden, feedForward] = [2, 576, 1536];

/**
 * A LoRA adapter of SmolLM2-135M's last layer that is not trained. Its numbers follow a fixed wave,
 * so the file is always the same.
 */
export async function waveAdapter({
  strength,
  base,
  columns = feedForward,
}: {
  /** 0 changes no answer. */
  readonly strength: number;
  /** The digest of its base model in the header. */
  readonly base?: string;
  /** A width that differs from the model's cannot be loaded. */
  readonly columns?: number;
}): Promise<Buffer> {
  const digest = base ?? (await digestOfFile(llmModelPath('smollm2-135m-instruct.gguf'))).digest;
  const wave = (length: number, scale: number) =>
    Float32Array.from({ length }, (_, index) => Math.sin(index * 0.7) * scale);
  return ggufFile(
    {
      'general.architecture': 'llama',
      'general.type': 'adapter',
      'adapter.type': 'lora',
      'adapter.lora.alpha': 4,
      'perennial.base.digest': digest,
    },
    [
      {
        name: 'blk.29.ffn_down.weight.lora_a',
        rows: rank,
        columns,
        values: wave(rank * columns, 0.5),
      },
      {
        name: 'blk.29.ffn_down.weight.lora_b',
        rows: hidden,
        columns: rank,
        values: wave(hidden * rank, strength),
      },
    ],
  );
}

/** The output tensors that a model can return in the Open Inference Protocol. */
export function listOutputNames(classes: readonly string[] | undefined): readonly string[] {
  return classes === undefined
    ? ['score', 'prediction_id']
    : ['class', 'probabilities', 'prediction_id'];
}

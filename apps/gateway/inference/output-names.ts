/** The output tensors of the Open Inference Protocol that a model answers with. */
export function outputNamesOf(classes: readonly string[] | undefined): readonly string[] {
  return classes === undefined
    ? ['score', 'prediction_id']
    : ['class', 'probabilities', 'prediction_id'];
}

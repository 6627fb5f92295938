/** What the pages of a dataset show. */
import type { ItemOf } from '../../../client/operation';

export type ShownDatasetVersion = ItemOf<'GET /datasets/{dataset}/versions'>;

import { pgTable, text } from 'drizzle-orm/pg-core';
import type { AliasName } from '../../domain/model/model';
import { aliasColumns, aliasConstraints, tenantId } from '../columns';
import { modelVersions } from './schema';

/** I2: the primary key allows one champion per model. */
export const modelAliases = pgTable(
  'model_aliases',
  { tenantId: tenantId(), model: text('model').notNull(), ...aliasColumns<AliasName>() },
  (t) =>
    aliasConstraints(
      'model_aliases',
      { ...t, owner: t.model },
      {
        aliases: ['champion', 'challenger', 'previous'] satisfies AliasName[],
        versions: [modelVersions.tenantId, modelVersions.model, modelVersions.version],
      },
    ),
);

/**
 * Only a worker's delivery of webhooks; a test starts and kills it. Needs the database's address
 * and SECRET in its environment.
 */
import { openDatabase } from '../../../db/connection';
import { createRegistry } from '../../../db/registry';
import { openLog } from '../../../workers/log';
import { lifecycleSecrets } from '../../../workers/access/secret-refs';
import { sendDeliveries } from '../../../workers/notification/deliveries';

async function main(url: string): Promise<void> {
  const database = openDatabase({ url });
  const { webhooks } = createRegistry(database);
  const secretOf = lifecycleSecrets(process.env, { variables: ['SECRET'], folder: null });
  const deps = {
    webhooks,
    readSecret: secretOf,
    allowPrivateAddresses: true,
    mailServer: null,
    pagesUrl: null,
    log: openLog('sender', 'silent'),
  };
  await sendDeliveries(deps, new AbortController().signal);
  await database.close();
}

void main(process.argv[2] ?? '');

import { Connection } from '@temporalio/client';
import { createPromptEvaluationClient } from '../../../apps/temporal-clients/prompt-evaluation-client';
import { defaultTenant as tenant } from '../../../domain/ids';
import { testTemporal } from '../../support/platform';

test('an unknown evaluation is null while Temporal is available', async () => {
  const { address, namespace } = await testTemporal();
  const connection = await Connection.connect({ address });
  const client = createPromptEvaluationClient({ connection, namespace, uiUrl: null });
  expect(await client.state({ tenant, evaluation: 'evaluation_nobody' })).toBeNull();
  await connection.close();
});

import { Connection } from '@temporalio/client';
import { createPromptEvaluationClient } from '../../../apps/temporal-clients/prompt-evaluation-client';
import { defaultTenant as tenant } from '../../../domain/ids';
import { testTemporal } from '../../support/platform';

test('an evaluation that nobody began is not there, on a Temporal that answers', async () => {
  const { address, namespace } = await testTemporal();
  const connection = await Connection.connect({ address });
  const client = createPromptEvaluationClient({ connection, namespace, uiUrl: null });
  expect(await client.state({ tenant, evaluation: 'evaluation_nobody' })).toBeNull();
  await connection.close();
});

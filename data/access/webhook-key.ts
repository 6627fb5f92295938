import { Webhook } from 'standardwebhooks';
import { failure } from '../../domain/failure';

/**
 * Signs and verifies as Standard Webhooks specifies. `whsec_…` is base64, as the standard writes
 * secrets; anything else is the key itself.
 */
export function webhookKey(secret: string): Webhook {
  if (!secret.startsWith('whsec_')) return new Webhook(secret, { format: 'raw' });
  try {
    return new Webhook(secret);
  } catch {
    throw failure('InvalidInput', 'the secret begins with whsec_ but the rest is not base64');
  }
}

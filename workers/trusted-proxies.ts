import { isIP } from 'node:net';
import { z } from 'zod';

/**
 * Addresses or networks of proxies, with commas between. Their `X-Forwarded-For` and
 * `X-Forwarded-Proto` count, and those of others do not.
 */
export const trustedProxies = z
  .string()
  .default('')
  .transform((text) => text.split(',').map((part) => part.trim()))
  .transform((parts) => parts.filter((part) => part !== ''))
  .superRefine((parts, context) => {
    for (const part of parts) {
      const problem = findProblem(part);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    }
  });

function findProblem(part: string): string | null {
  const [address = '', bits, ...rest] = part.split('/');
  const family = isIP(address);
  const largest = family === 6 ? 128 : 32;
  if (family === 0 || rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits)))
    return `${part} is neither an address nor a network such as 10.0.0.0/8`;
  if (bits !== undefined && Number(bits) > largest) return `${part} has more than ${largest} bits`;
  if (Number(bits ?? largest) === 0)
    return `${part} would trust every caller; name the addresses of your proxies`;
  return null;
}

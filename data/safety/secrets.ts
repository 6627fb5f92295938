import type { Finding } from '../../domain/safety/policy';

/** The formats that issuers publish for their tokens. Passwords have no format. */
const forms: readonly (readonly [string, RegExp])[] = [
  [
    'privateKey',
    /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----(?:[\s\S]{0,8192}?-----END (?:[A-Z]+ )?PRIVATE KEY-----)?/g,
  ],
  ['awsAccessKey', /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/g],
  ['githubToken', /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b/g],
  ['gitlabToken', /\bglpat-[\w-]{20,64}/g],
  ['googleApiKey', /\bAIza[\w-]{35}/g],
  ['slackToken', /\bxox[abeprs]-[A-Za-z0-9-]{10,250}/g],
  ['stripeKey', /\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,247}\b/g],
  ['openaiKey', /\bsk-(?!ant-)(?:proj-|svcacct-)?[A-Za-z0-9_-]{32,250}/g],
  ['anthropicKey', /\bsk-ant-[A-Za-z0-9_-]{32,250}/g],
  ['npmToken', /\bnpm_[A-Za-z0-9]{36}\b/g],
  ['perennialKey', /\bpk_[0-9a-z]{26}_[0-9a-f]{64}\b/g],
  ['jsonWebToken', /\beyJ[\w-]{10,4096}\.eyJ[\w-]{10,8192}\.[\w-]{10,1024}/g],
  [
    'credentialInUrl',
    /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@]{1,100}:[^\s:/@]{1,200}@[^\s/]{1,253}/gi,
  ],
];

export function findSecrets(text: string): readonly Finding[] {
  return forms.flatMap(([what, form]) =>
    [...text.matchAll(form)].map(({ 0: found, index }) => ({
      from: index,
      to: index + found.length,
      what,
    })),
  );
}

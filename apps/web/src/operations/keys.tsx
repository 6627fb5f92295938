import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, type PageSession } from '../api/client';
import { useMay } from '../api/session';
import { Badge } from '../parts/badge';
import { Action } from '../parts/confirm';
import { ago, dateTime } from '../parts/format';
import { Paged, usePaged } from '../parts/paged';
import { Table } from '../parts/table';
import { readText } from '../parts/form';

export function Keys() {
  const client = useQueryClient();
  const [made, setMade] = useState<{ readonly name: string; readonly key: string } | null>(null);
  const query = usePaged({
    key: ['keys'],
    read: (pageToken) => call('GET /api-keys', { query: { pageSize: 50, pageToken } }),
  });
  const refresh = () => client.invalidateQueries({ queryKey: ['keys'] });
  const mayAdminister = useMay('admin');
  return (
    <>
      {mayAdminister ? (
        <Action
          label="New key"
          kind="primary"
          title="Create an API key?"
          effect={<p>The page shows the key once. It expires after 90 days.</p>}
          reason="none"
          fields={
            <>
              <label className="field">
                <span>Name of its owner or purpose</span>
                <input name="name" required maxLength={100} />
              </label>
              <label className="field">
                <span>Scope</span>
                <select name="scope" defaultValue="viewer">
                  {['viewer', 'operator', 'approver', 'admin'].map((scope) => (
                    <option key={scope}>{scope}</option>
                  ))}
                </select>
              </label>
            </>
          }
          run={async ({ form }) => {
            const name = readText(form, 'name');
            const scope = form.get('scope') as PageSession['scope'];
            const { key } = await call('POST /api-keys', { body: { name, scope } });
            setMade({ name, key });
            await refresh();
          }}
        />
      ) : null}
      {made === null ? null : (
        <p className="banner warn" role="status">
          The key of <bdi>{made.name}</bdi>, shown only now: <code>{made.key}</code>
        </p>
      )}
      <Paged query={query} what="the keys" more="Show older keys" empty={null}>
        {(items) => (
          <Table
            caption="API keys, newest first"
            head={['Name', 'Scope', 'State', 'Last used', 'Expires', '']}
            rows={items.map(({ id, name, scope, revokedAt, lastUsedAt, expiresAt }) => ({
              key: id,
              cells: [
                <bdi key="name">{name}</bdi>,
                scope,
                <Badge
                  key="state"
                  status={
                    revokedAt !== null
                      ? 'revoked'
                      : expiresAt !== null && Date.parse(expiresAt) < Date.now()
                        ? 'expired'
                        : 'valid'
                  }
                />,
                ago(lastUsedAt),
                expiresAt === null ? 'never' : dateTime(expiresAt),
                revokedAt === null ? (
                  <Action
                    key="revoke"
                    label="Revoke"
                    kind="danger"
                    title={`Revoke the key ${name}?`}
                    effect={<p>It and its sessions end at once. This cannot be undone.</p>}
                    run={async ({ reason }) => {
                      await call('POST /api-keys/{id}/revoke', { path: { id }, reason });
                      await refresh();
                    }}
                  />
                ) : null,
              ],
            }))}
          />
        )}
      </Paged>
    </>
  );
}

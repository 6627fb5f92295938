import * as Tabs from '@radix-ui/react-tabs';
import type { ReactNode } from 'react';

/** Parts of a page, of which one is shown. Arrow keys move between them. */
export function Sections({
  of,
}: {
  readonly of: readonly (readonly [id: string, name: string, content: () => ReactNode])[];
}) {
  return (
    <Tabs.Root defaultValue={of[0]?.[0] ?? ''} className="sections">
      <Tabs.List aria-label="Parts of this page">
        {of.map(([id, name]) => (
          <Tabs.Trigger key={id} value={id}>
            {name}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      {of.map(([id, , content]) => (
        <Tabs.Content key={id} value={id}>
          {content()}
        </Tabs.Content>
      ))}
    </Tabs.Root>
  );
}

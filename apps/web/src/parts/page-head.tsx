import type { ReactNode } from 'react';

/** The title of the window, the way back, and the heading of a page. */
export function PageHead({
  title,
  crumbs,
  beside,
  children,
}: {
  readonly title: string;
  /** Links to the pages above this one. */
  readonly crumbs?: ReactNode;
  readonly beside?: ReactNode;
  /** The heading; the title without it. */
  readonly children?: ReactNode;
}) {
  const heading = <h1>{children ?? title}</h1>;
  return (
    <>
      <title>{`${title} · Perennial`}</title>
      {crumbs === undefined ? null : (
        <nav className="crumbs" aria-label="Pages above this one">
          {crumbs}
        </nav>
      )}
      {beside === undefined ? (
        heading
      ) : (
        <div className="title">
          {heading}
          {beside}
        </div>
      )}
    </>
  );
}

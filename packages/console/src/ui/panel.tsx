import { type ReactNode, useId } from 'react';
import { useSlice } from '../state/use.ts';

/** A titled region of the page. */
export function Panel(props: {
  title: ReactNode;
  /** To the right of the title. */
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
  /** Content to the panel's edges: tables and lists. */
  flush?: boolean;
}) {
  const title = useId();
  return (
    <section className={`panel ${props.className ?? ''}`} aria-labelledby={title}>
      <header className="panel-head">
        <h2 id={title}>{props.title}</h2>
        {props.aside !== undefined && <div className="panel-aside">{props.aside}</div>}
      </header>
      <div className={props.flush === true ? 'panel-flush' : 'panel-body'}>{props.children}</div>
    </section>
  );
}

/** What a panel says when it has nothing to show, and why that is. */
export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>;
}

/** As `Empty`, for what only a complete answer can say: before the first one nobody knows that there is nothing. */
export function Nothing({ children }: { children: ReactNode }) {
  const ready = useSlice((state) => state.ready);
  return <Empty>{ready ? children : 'Loading…'}</Empty>;
}

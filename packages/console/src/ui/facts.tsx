/** What is counted, as a list: a title, the figure, and one quiet line about it. */
export type Fact = readonly [title: string, value: string, note: string];

export function Facts({ facts, className }: { facts: readonly Fact[]; className: string }) {
  return (
    <dl className={className}>
      {facts.map(([title, value, note]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd className="num">{value}</dd>
          <dd className="fine quiet">{note}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Bars side by side with their names below. Decorative beside the figures, which stand next to it as text. */
export function Histogram({
  bars,
  label,
}: {
  bars: readonly { title: string; rows: number }[];
  label: string;
}) {
  const top = Math.max(...bars.map(({ rows }) => rows), 1);
  return (
    <div className="histogram" role="img" aria-label={label}>
      {bars.map(({ title, rows }) => (
        <span key={title} className="histogram-bar" data-zero={title === '0'} title={`${rows} rows`}>
          <i style={{ '--share': rows === 0 ? 0 : Math.max(0.015, rows / top) } as React.CSSProperties} />
          <small className="num">{title}</small>
        </span>
      ))}
    </div>
  );
}

/**
 * A line of recent values without axes; decorative, beside its figure.
 *
 * @param values - oldest first; from 0 up.
 */
export function Spark({
  values,
  width = 84,
  height = 22,
}: {
  values: readonly number[];
  width?: number;
  height?: number;
}) {
  const top = Math.max(...values, 1e-9);
  const step = width / Math.max(1, values.length - 1);
  const points = values.map(
    (v, i) => `${(i * step).toFixed(1)},${(height - 1.5 - (v / top) * (height - 3)).toFixed(1)}`,
  );
  return (
    <svg
      className="spark"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      aria-hidden="true"
    >
      {values.length > 1 && (
        <>
          <polygon points={`0,${height} ${points.join(' ')} ${width},${height}`} />
          <polyline points={points.join(' ')} />
        </>
      )}
    </svg>
  );
}

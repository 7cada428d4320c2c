import { age } from '../select/format.ts';
import { useNow, useSlice } from '../state/use.ts';
import { Icon } from '../ui/icon.tsx';

/** Says at once that what is shown is old, and how old. */
export function ConnectionBanner() {
  const connection = useSlice((state) => state.connection);
  const ready = useSlice((state) => state.ready);
  const now = useNow(500);
  if (connection.state !== 'lost') return null;
  const lastMs = connection.lastHeardMs;
  return (
    <div className="lost" role="alert">
      <span className="lost-icon">
        <Icon name="offline" size={18} />
      </span>
      <div>
        <b>Connection lost.</b> {connection.why}{' '}
        {ready && lastMs !== null && (
          <>
            What you see was last heard <b className="num">{age(Math.max(0, now - lastMs))}</b>.
          </>
        )}{' '}
        Trying again…
      </div>
    </div>
  );
}

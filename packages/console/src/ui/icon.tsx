/** Line icons on a 16-unit grid; each goes with a word, so all are hidden from screen readers. */
const PATHS = {
  overview: 'M2.5 2.5h4v5h-4zM9.5 2.5h4v3h-4zM9.5 8.5h4v5h-4zM2.5 10.5h4v3h-4z',
  points: 'M2 8h4M6 8l5-4.5M6 8h5M6 8l5 4.5M12.5 3.5h.01M12.5 8h.01M12.5 12.5h.01',
  nodes:
    'M8 5V8M3.5 11V9.5a1.5 1.5 0 0 1 1.5-1.5h6a1.5 1.5 0 0 1 1.5 1.5V11M8 2v3M6.5 2h3v3h-3zM2 11h3v3H2zM11 11h3v3h-3z',
  decisions: 'M2.5 4h11M2.5 8h11M2.5 12h7',
  controls: 'M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5zM6 6h4v4H6z',
  audit: 'M4 2.5h8v11l-2-1.3-2 1.3-2-1.3-2 1.3zM6.5 6h3M6.5 8.5h3',
  cloud: 'M4.5 12.5a3 3 0 0 1-.3-6 4 4 0 0 1 7.7 1 2.5 2.5 0 0 1-.4 5z',
  region: 'M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01',
  device:
    'M4.5 4.5h7v7h-7zM6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14',
  experiments: 'M6 2h4M6.5 2v4.2L3 12.3A1.2 1.2 0 0 0 4 14h8a1.2 1.2 0 0 0 1-1.7L9.5 6.2V2M4.8 10h6.4',
  evaluate: 'M2 13.5h12M3.5 11V8.5M7 11V4.5M10.5 11V6.5M13.5 4l-2.5-2M11 4.2 13.5 4l.2-2.5',
  models:
    'M4 4.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM4 14.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM12 8a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM4 4.5v7M12 8c0 2.5-2 3-4 3H5',
  revert: 'M6 3 2.5 6.5 6 10M2.5 6.5H10a3.5 3.5 0 0 1 0 7H6.5',
  up: 'M8 13V3.5M4 7.5l4-4 4 4',
  check: 'M3 8.5 6.5 12 13 4.5',
  warn: 'M8 2.5 14 13H2zM8 6.5v3M8 11.3h.01',
  unknown: 'M5.8 6a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .8-1 1.6M8 12h.01',
  stop: 'M4 4h8v8H4z',
  learning: 'M1.5 8.5h3l2-5 3 9 2-4h3',
  frozen: 'M8 1.5v13M2.4 4.75l11.2 6.5M13.6 4.75 2.4 11.25M6.2 2.6 8 4.2l1.8-1.6M6.2 13.4 8 11.8l1.8 1.6',
  pin: 'M5.5 2.5h5l-.7 4 2.2 2.5H4l2.2-2.5zM8 9v4.5',
  lease: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.5V8l2.3 1.5',
  waiting: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM5.3 8h.01M8 8h.01M10.7 8h.01',
  unbounded:
    'M8 8c-1.5-2-2.5-2.8-3.7-2.8a2.8 2.8 0 0 0 0 5.6C5.5 10.8 6.5 10 8 8s2.5-2.8 3.7-2.8a2.8 2.8 0 0 1 0 5.6C10.5 10.8 9.5 10 8 8z',
  play: 'M4.5 3v10l8-5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z',
  keyboard: 'M1.5 4h13v8h-13zM4 6.5h.01M6.7 6.5h.01M9.3 6.5h.01M12 6.5h.01M4.5 9.5h7',
  close: 'M4 4l8 8M12 4l-8 8',
  right: 'M6 3.5 10.5 8 6 12.5',
  down: 'M3.5 6 8 10.5 12.5 6',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3 14 14',
  offline:
    'M2 2l12 12M4.5 8.8a5 5 0 0 1 2-1.5M9.8 7.5a5 5 0 0 1 1.7 1.3M2 6.3a8.5 8.5 0 0 1 2.8-1.9M7.5 3.6A8.5 8.5 0 0 1 14 6.3M8 12h.01',
  key: 'M6 10.5a3 3 0 1 1 2.8-4H14v2.5h-1.5V11H10.5V9H8.6A3 3 0 0 1 6 10.5zM6 7.5h.01',
} as const;

/** The names of all icons. */
export type IconName = keyof typeof PATHS;

/** @param size - CSS pixels. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  const solid = name === 'stop' || name === 'play';
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill={solid ? 'currentColor' : 'none'}
      stroke="currentColor"
      strokeWidth={solid ? 1 : 1.5}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark: a knot that listens in five directions. */
export function Logo() {
  return (
    <svg className="logo" width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
      <g fill="none" stroke="currentColor" strokeWidth="2">
        <path d="M16 16 6.5 7.5M16 16l10-6.5M16 16l8 9.5M16 16l-9 8" />
      </g>
      <g fill="currentColor">
        <circle cx="6.5" cy="7.5" r="2.8" />
        <circle cx="26" cy="9.5" r="2.8" />
        <circle cx="24" cy="25.5" r="2.8" />
        <circle cx="7" cy="24" r="2.8" />
        <circle cx="16" cy="16" r="5.5" />
      </g>
    </svg>
  );
}

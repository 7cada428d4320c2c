import { Icon } from './icon.tsx';

/** A field that `/` leads to. */
export function SearchField(props: {
  /** What it finds; also its placeholder, unless another is given. */
  label: string;
  placeholder?: string;
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <label className="search">
      <Icon name="search" size={14} />
      <input
        type="search"
        data-search
        aria-label={props.label}
        placeholder={props.placeholder ?? props.label}
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
      />
      <span className="key" aria-hidden="true">
        /
      </span>
    </label>
  );
}

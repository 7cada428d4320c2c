import { useMemo } from 'react';
import { type Route, withQuery } from '../route.ts';
import { filterChoices, isFiltering, type StreamFilter } from '../select/stream.ts';
import type { SeenDecision } from '../state/model.ts';
import { useSlice } from '../state/use.ts';
import { go } from '../state/use-route.ts';
import { SearchField } from '../ui/search-field.tsx';

/** Narrows the stream; kept in the address, so that a filtered stream can be linked to. */
export function StreamFilters(props: {
  route: Route;
  filter: StreamFilter;
  decisions: readonly SeenDecision[];
  fixedPoint: boolean;
}) {
  const { route, filter } = props;
  const points = useSlice((state) => state.points);
  const nodes = useSlice((state) => state.nodes);
  const { arms, reasons } = useMemo(() => filterChoices(props.decisions), [props.decisions]);
  const set = (key: string, value: string) => go(withQuery(route, { [key]: value }), true);
  const deciding = nodes.map((heard) => heard.value.node);
  return (
    <search className="filters">
      <SearchField
        label="Find in the stream"
        placeholder="Id, unit or stratum"
        value={filter.text}
        onChange={(value) => set('q', value)}
      />
      {!props.fixedPoint && points.length > 1 && (
        <Choice
          title="point"
          value={filter.point}
          choices={points.map((e) => e.spec.point)}
          onChange={(v) => set('point', v)}
        />
      )}
      <Choice title="arm" value={filter.arm} choices={arms} onChange={(v) => set('arm', v)} />
      <Choice title="reason" value={filter.reason} choices={reasons} onChange={(v) => set('reason', v)} />
      <Choice title="node" value={filter.node} choices={deciding} onChange={(v) => set('node', v)} />
      {isFiltering(props.fixedPoint ? { ...filter, point: '' } : filter) && (
        <button
          type="button"
          className="button ghost small"
          onClick={() => go(withQuery(route, { q: '', point: '', arm: '', reason: '', node: '' }), true)}
        >
          Clear
        </button>
      )}
    </search>
  );
}

function Choice(props: {
  title: string;
  value: string;
  choices: readonly string[];
  onChange: (value: string) => void;
}) {
  // What the address asks for is offered even where nothing of the kind has been seen yet.
  const choices =
    props.value === '' || props.choices.includes(props.value)
      ? props.choices
      : [...props.choices, props.value];
  return (
    <select
      aria-label={`Filter by ${props.title}`}
      data-on={props.value !== ''}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
    >
      <option value="">Any {props.title}</option>
      {choices.map((choice) => (
        <option key={choice} value={choice}>
          {choice.replaceAll('_', ' ')}
        </option>
      ))}
    </select>
  );
}

import { useState } from 'react';
import { plural } from '../select/format.ts';
import { useSlice } from '../state/use.ts';
import { Panel } from '../ui/panel.tsx';
import { SearchField } from '../ui/search-field.tsx';
import { NodesTable } from './nodes-table.tsx';

/** Every node, with all that it says of itself. */
export function NodesPage() {
  const total = useSlice((state) => state.nodes.length);
  const [text, setText] = useState('');
  return (
    <Panel
      title={total === 0 ? 'Nodes' : plural(total, 'node')}
      flush
      aside={<SearchField label="Find a node" value={text} onChange={setText} />}
    >
      <NodesTable full text={text.trim()} />
    </Panel>
  );
}

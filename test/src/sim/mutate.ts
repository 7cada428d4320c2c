import { registerHooks } from 'node:module';
import { MUTATIONS } from './mutations.ts';

/** Loaded with `--import`: puts the mutation that `GANGLION_MUTATION` names into the sources as they are loaded. */
const name = process.env.GANGLION_MUTATION ?? '';
const mutation = MUTATIONS.find((each) => each.name === name);
if (mutation === undefined) throw new Error(`there is no mutation ${name}`);
const pending = new Set(mutation.edits);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const edits = mutation.edits.filter((each) => url.endsWith(`packages/core/src/${each.file}`));
    if (edits.length === 0 || loaded.source === undefined || loaded.source === null) return loaded;
    let source =
      typeof loaded.source === 'string'
        ? loaded.source
        : new TextDecoder().decode(loaded.source as Uint8Array);
    for (const each of edits) {
      const { find, replace } = each;
      if (source.split(find).length !== 2)
        throw new Error(`${name}: not found exactly once in ${each.file}: ${find}`);
      source = source.replace(find, () => replace);
      pending.delete(each);
    }
    return { ...loaded, source };
  },
});

process.on('exit', (code) => {
  if (pending.size === 0 || code === 3) return;
  console.error(`${name}: ${[...pending].map((each) => each.file).join(', ')} was not loaded`);
  process.exitCode = 3;
});

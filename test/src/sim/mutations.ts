/**
 * Faults put into the code one at a time, to show that the simulator bites. Each is an exact piece of the source and
 * what takes its place; a piece that is not found exactly once is an error, so that the list cannot rot silently.
 */
export interface Mutation {
  readonly name: string;
  /** What it breaks, in a few words. */
  readonly fault: string;
  readonly edits: readonly { readonly file: string; readonly find: string; readonly replace: string }[];
}

const edit = (file: string, find: string, replace: string) => ({ file, find, replace });

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'no-deduplication',
    fault: 'an outcome that is reported again is learned again',
    edits: [
      edit('decision/told.ts', 'if (known !== undefined && known >= revision) return false;', ''),
      edit('decision/outcome.ts', 'if ((record.state & TRAINED) !== 0) {', 'if (record.n < 0) {'),
    ],
  },
  {
    name: 'revision-ignored',
    fault: 'the first report stands whatever its revision',
    edits: [
      edit(
        'decision/told.ts',
        'if (known !== undefined && known >= revision) return false;',
        'if (known !== undefined) return false;',
      ),
    ],
  },
  {
    name: 'send-before-durable',
    fault: 'own evidence is sent before it is on disk',
    edits: [
      edit(
        'node/points.ts',
        '  state.view.stale++;\n',
        '  state.view.stale++;\n  slot.bytes = learner.slots.evidence!.encode(slot.evidence);\n  slot.durableVersion = slot.version;\n  if (node.parent !== undefined) node.parent.urgent = true;\n',
      ),
    ],
  },
  {
    name: 'feedback-acknowledged-before-durable',
    fault: 'feedback is acknowledged before it is on disk',
    edits: [
      edit(
        'node/intake.ts',
        "  const results = items.map((item) => takeOne(node, item, 'outside'));\n  if (results.some((result) => result.status !== 'rejected')) await durable(node);",
        "  const results = items.map((item) => takeOne(node, item, 'outside'));",
      ),
    ],
  },
  {
    name: 'content-acknowledged-before-durable',
    fault: 'a parent acknowledges a child before its disk has',
    edits: [edit('node/child-link.ts', '    durable(node).then(', '    Promise.resolve().then(')],
  },
  {
    name: 'batch-overwrites-news',
    fault: 'a slot that comes while a batch is under way is written with the older content',
    edits: [edit('node/durability.ts', '(slot.received ?? slot.bytes)', '(slot.bytes ?? slot.received)')],
  },
  {
    name: 'lease-without-controls',
    fault: 'a lease is renewed though the controls it vouches for are not here',
    edits: [
      edit(
        'node/parent-link.ts',
        '(link.joined !== down.digest && node.durableDigest !== down.digest)',
        'false',
      ),
      edit(
        'node/parent-link.ts',
        'if (down.controls !== null) {',
        'if (down.controls !== null && down.seq % 4 === 0) {',
      ),
    ],
  },
  {
    name: 'lease-from-receipt',
    fault: 'a lease counts from the receipt of the answer instead of the sending of the request',
    edits: [
      edit(
        'node/parent-link.ts',
        'const monoBase = asked.monoMs - down.leaseAgeMs;',
        'const monoBase = node.moment.monoMs - down.leaseAgeMs;',
      ),
      edit(
        'node/parent-link.ts',
        'node.leaseBaseWallMs = asked.wallMs - down.leaseAgeMs;',
        'node.leaseBaseWallMs = node.moment.wallMs - down.leaseAgeMs;',
      ),
    ],
  },
  {
    name: 'lease-by-one-clock',
    fault: 'elapsed time is taken from the monotonic clock alone, which may stand still in sleep',
    edits: [
      edit(
        'node/state.ts',
        'Math.max(monoMs - node.leaseBaseMonoMs, wallMs - node.leaseBaseWallMs)',
        'monoMs - node.leaseBaseMonoMs',
      ),
    ],
  },
  {
    name: 'lease-as-declared-now',
    fault: 'the bound of a kill forgets the longer lease that was declared before',
    edits: [edit('node/held-leases.ts', 'until = Math.max(until, endOf(held, killedMs));', '')],
  },
  {
    name: 'place-forgotten',
    fault:
      'after a restart a node does not know whom it is below, and obeys only kills of those it knows above',
    edits: [
      edit('node/recovery.ts', 'node.path = [node.name, ...path];', 'node.path = [node.name];'),
      edit('controls/scope.ts', 'path.includes(node) || mayBeAbove?.(node) === true', 'path.includes(node)'),
    ],
  },
  {
    name: 'kill-acknowledged-before-durable',
    fault: 'a kill is acknowledged before it is on disk',
    edits: [
      edit('node/acknowledgements.ts', 'node.durableControls.kills.keys()', 'node.controls.kills.keys()'),
    ],
  },
  {
    name: 'removal-ignored',
    fault: 'a join forgets what was taken back',
    edits: [edit('controls/control-state.ts', '    if (isRemoved(removed, tag)) continue;\n', '')],
  },
  {
    name: 'incarnation-reused',
    fault: 'a restarted process goes on under its old name',
    edits: [
      edit('node/state.ts', 'return openingDigits(openedMs) + word() + word();', "return '7'.repeat(23);"),
    ],
  },
  {
    name: 'sum-instead-of-newest',
    fault: 'a newer version of a slot is added to the older one',
    edits: [
      edit(
        'sync/slots.ts',
        '    evidence: incoming.evidence,\n    route: child,',
        '    evidence: learner.evidence?.add(known.evidence, incoming.evidence),\n    route: child,',
      ),
    ],
  },
  {
    name: 'running-sum-drifts',
    fault: 'what a slot held before is not taken out of the running sum',
    edits: [edit('sync/slots.ts', 'change(learner, group, slot, -1);', '')],
  },
  {
    name: 'total-includes-self',
    fault: 'what goes down to a child holds its own evidence',
    edits: [
      edit(
        'node/child-link.ts',
        'evidence.subtract(sumBelow(slots), sumOf(slots, link.key))',
        'sumBelow(slots)',
      ),
    ],
  },
  {
    name: 'foreign-dropped',
    fault: 'a node keeps counting what now reaches it by another way',
    edits: [
      edit(
        'sync/slots.ts',
        'const gone = new Set(foreign);',
        'const gone = new Set(foreign.slice(foreign.length));',
      ),
    ],
  },
  {
    name: 'quarantine-ignored',
    fault: 'quarantined evidence stays in the sums',
    edits: [
      edit(
        'sync/slots.ts',
        'slot.counted && !slot.quarantined && slot.evidence',
        'slot.counted && slot.evidence',
      ),
    ],
  },
  {
    name: 'names-for-all',
    fault: 'a child may speak for the children of others',
    edits: [edit('node/names.ts', 'return way.node !== name && !hasFreshWord(node, name);', 'return true;')],
  },
  {
    name: 'acknowledged-by-another',
    fault: 'a child acknowledges feedback that was on its way to another',
    edits: [
      edit(
        'node/child-link.ts',
        'if (item?.durable !== true || nodeOf(item.sentOn) !== link.node) return;',
        'if (item?.durable !== true) return;',
      ),
    ],
  },
  {
    name: 'controls-for-all',
    fault: 'a child may say things for places that are not below it',
    edits: [
      edit(
        'node/controls.ts',
        'else if (!below(tag) || said.subtree !== sayerOf(tag))',
        'else if (node.closed)',
      ),
    ],
  },
  {
    name: 'removals-for-all',
    fault: 'a child may take back what was said above it',
    edits: [edit('node/controls.ts', 'if (below(origin)) ranges', 'ranges')],
  },
  {
    name: 'seal-unread',
    fault: 'a node takes for its own words whatever is said to be',
    edits: [
      edit(
        'node/seal.ts',
        'if (node.ports.seals?.verify(node.secret, jsonBytes(sealed.controls), fromHex(sealed.seal)))',
        '',
      ),
    ],
  },
  {
    name: 'words-forgotten',
    fault: 'a node that comes back from an old backup is not told what it said since',
    edits: [edit('node/seal.ts', 'kept.forgotten && kept.parent === parent', 'parent.length === 0')],
  },
  {
    name: 'learns-across-reset',
    fault: 'an outcome of a decision before a reset teaches the learner after it',
    edits: [
      edit(
        'node/points.ts',
        "  const { learnerKey: key, source } = state;\n  if (isStale(node, key)) return refused(node, 'learner_gone'); // reset meanwhile",
        '  const { source } = state;\n  const { learnerKey: key } = node.points.get(state.compiled.name) ?? state;',
      ),
      edit(
        'node/points.ts',
        'taughtSlot(node, learnerOf(node, state), key, source.idPrefix)',
        'taughtSlot(node, learnerOf(node, node.points.get(state.compiled.name) ?? state), key, source.idPrefix)',
      ),
    ],
  },
  {
    name: 'others-counted-twice',
    fault: 'what the parent told is added twice when it is put to use',
    edits: [
      edit(
        'node/points.ts',
        'slots.evidence.add(slots.base.evidence, below)',
        'slots.evidence.add(slots.evidence.add(slots.base.evidence, slots.base.evidence), below)',
      ),
    ],
  },
  {
    name: 'share-beyond-held',
    fault: 'a child is granted more of a limit than there is left',
    edits: [
      edit(
        'node/shares.ts',
        'const fair = Math.max(0, Math.min(node.share / parts, node.share - dealt(node, link.node)));',
        'const fair = node.share * 0.75;',
      ),
    ],
  },
  {
    name: 'relayed-without-room',
    fault: 'feedback that found no room on its way is acknowledged all the same',
    edits: [edit('node/intake.ts', '  return room;\n', '  return room || passing.length > 0;\n')],
  },
  {
    name: 'folded-taken-again',
    fault: 'evidence of an origin that was folded is taken again',
    edits: [
      edit(
        'node/parked.ts',
        '  if (why === undefined) return false;',
        '  if (why === undefined || !node.closed) return false;',
      ),
    ],
  },
  {
    name: 'folded-not-named',
    fault: 'a child is not told that what was folded has left its part',
    edits: [
      edit('node/folding.ts', 'if (link !== undefined) nameForeign(link, learner.key, slot.origin);', ''),
    ],
  },
  {
    name: 'folded-twice',
    fault: 'what is folded is added to the retired slot and stays where it was',
    edits: [edit('node/folding.ts', '    drop(learner, slot);\n', '')],
  },
  {
    name: 'folded-not-summed',
    fault: 'a retired slot is begun anew with every fold',
    edits: [edit('node/folding.ts', 'before?.evidence ?? evidence.zero()', 'evidence.zero()')],
  },
  {
    name: 'fold-forgotten',
    fault: 'a restarted root does not know what it has folded',
    edits: [
      edit(
        'node/recovery.ts',
        "eachJson(stored, 'folded', (key, openedMs) => node.folded.set(key, Number(openedMs)));",
        '',
      ),
    ],
  },
  {
    name: 'taken-while-folded',
    fault: 'news of a slot are taken while it is being folded, and are lost with it',
    edits: [edit('node/child-link.ts', 'if (node.folding.size > 0 && ', 'if (node.folding.size < 0 && ')],
  },
  {
    name: 'unheard-of-again',
    fault:
      'a restarted child says that its evidence has been nowhere else, though it has left for the totals meanwhile',
    edits: [
      edit(
        'node/parent-link.ts',
        "if (slot.sentTo === '' || slot.sentTo === '*') continue;\n      slot.sentTo = '*';",
        'continue;',
      ),
      edit('sync/slots.ts', ' && !learner.departed.has(incoming.origin)', ''),
      edit(
        'node/parent-link.ts',
        "route === '' ? origin === node.origin : onlyVia",
        "route === '' || onlyVia",
      ),
    ],
  },
  {
    name: 'exploration-over-holdout',
    fault: 'the exploration floor reaches into the holdout',
    edits: [
      edit(
        'decision/decide.ts',
        'if (baseline) return drawBaseline(',
        'if (baseline && scratch.floor === 0) return drawBaseline(',
      ),
    ],
  },
  {
    name: 'propensity-before-exploration',
    fault: 'the propensity that is logged is that before the exploration floor',
    edits: [edit('decision/decide.ts', 'if (floor > 0 && influence > 0) {', 'if (floor > 1) {')],
  },
  {
    name: 'draw-biased',
    fault: 'the draw favours the first arm',
    edits: [edit('decision/mix.ts', '    u -= p[a];', '    u -= a === 0 ? p[a] * 1.5 : p[a];')],
  },
  {
    name: 'sticky-trains',
    fault: 'a repeat of a sticky unit teaches as a draw of its own',
    edits: [edit('decision/record.ts', 'sticky: { trains: false', 'sticky: { trains: true')],
  },
  {
    name: 'sticky-escalated-forgotten',
    fault: 'a unit does not keep an arm that the parent proposed',
    edits: [
      edit(
        'decision/decide.ts',
        'input?.unit !== undefined) stick(state, record);',
        "input?.unit !== undefined && reason === 'policy') stick(state, record);",
      ),
    ],
  },
  {
    name: 'killed-while-asking',
    fault: 'the controls are not looked at again when the parent has answered',
    edits: [
      edit(
        'decision/decide.ts',
        'const stopped = controls(state, moment, input, asked);',
        "const stopped = typeof asked === 'object' ? undefined : controls(state, moment, input, asked);",
      ),
    ],
  },
];

import type { Acknowledgement, ControlsStatus, KillAnswer, KillStatus } from '@ganglion/sdk';
import { Command, InvalidArgumentError } from 'commander';
import {
  type ClientFlags,
  clientCommand,
  field,
  jsonObject,
  type Session,
  scope,
  session,
} from '../context.ts';
import { duration, parseDuration, time, UNKNOWN } from '../format.ts';
import type { Io } from '../io.ts';
import { clean, pairs, type Style, table } from '../style.ts';
import { watch } from '../watch.ts';

type Reasoned = ClientFlags & { readonly reason: string };

const SCOPE_HELP =
  'point:NAME (or just NAME), domain:NAME, artifact:NAME, tier:NAME, node:NAME, or * for everything';

/** `ganglion kill SCOPE` */
export function killCommand(io: Io): Command {
  return clientCommand('kill', 'stop learners, at once: they serve their fallback until revived')
    .argument('<scope>', SCOPE_HELP, scope)
    .requiredOption('--reason <text>', 'why, for the audit')
    .option('--watch', 'follow the acknowledgements until every node has stopped')
    .action(async (what: string, flags: Reasoned & { watch?: boolean }) => {
      const shown = session(io, flags);
      const { client, show, style } = shown;
      const killed = await client.kill(what, flags.reason);
      show({ scope: what, ...killed }, () =>
        pairs(
          [
            ['killed', style.bad(clean(what))],
            ['tag', killed.tag],
            ['stopped by', boundText(killed)],
          ],
          style,
        ),
      );
      // Everything is no name that could be wrong, also where no point is declared yet.
      if (killed.matches === 0 && what !== '*') io.err(unknownScope(what, killed));
      if (flags.watch === true) await follow(shown, killed.tag);
    });
}

/** A kill may come ahead of what it is for, and a slip of the pen looks just like it: which of the two, the person knows. */
function unknownScope(what: string, { suggestion }: KillAnswer): string {
  const colon = what.indexOf(':');
  const [kind, name] = [what.slice(0, colon), what.slice(colon + 1)];
  const hint = suggestion === undefined ? '' : ` (did you mean ${clean(suggestion)}?)`;
  return `warning: no ${kind} '${clean(name)}' is known here${hint}: the kill stands, and stops whatever comes under that name\n`;
}

/** A tag begins with the node where it was said: that, and all below it, is what it binds. */
export function boundText({ boundMs, tag }: Pick<KillAnswer, 'boundMs' | 'tag'>): string {
  return boundMs === null
    ? 'unknown: something it stops has no bound (see: ganglion controls)'
    : `${time(boundMs)} at the latest, at ${clean(tag.slice(0, tag.indexOf('~')))} and everywhere below it`;
}

async function follow(shown: Session, tag: string): Promise<void> {
  const read = async (): Promise<KillStatus | undefined> =>
    (await shown.client.controls()).kills.find((kill) => kill.tag === tag);
  const settled = (kill: KillStatus | undefined): boolean =>
    kill?.acknowledgements.every(({ state }) => state !== 'waiting' && state !== 'unknown') ?? true;
  await watch(
    shown,
    true,
    read,
    (kill) => (kill === undefined ? 'revived\n' : acknowledgementTable(kill, shown.style)),
    settled,
  );
}

/** `ganglion revive SCOPE` */
export function reviveCommand(io: Io): Command {
  return clientCommand('revive', 'take back every kill of a scope')
    .argument('<scope>', SCOPE_HELP, scope)
    .requiredOption('--reason <text>', 'why, for the audit')
    .action(async (what: string, flags: Reasoned) => {
      const { client, show, style } = session(io, flags);
      const revived = await client.revive(what, flags.reason);
      show(
        { scope: what, ...revived },
        () => `${style.good('revived')} ${clean(what)} (${plural(revived.tags.length, 'kill')} taken back)\n`,
      );
    });
}

interface OverrideFlags extends Reasoned {
  readonly for?: number;
  readonly segment?: Record<string, unknown>;
  readonly where?: Record<string, unknown>;
}

/** `ganglion override set|remove` */
export function overrideCommand(io: Io): Command {
  const override = new Command('override').description('pin an arm, and take that back');
  override.addCommand(
    clientCommand('set', 'pin an arm: for everybody, or for a segment')
      .argument('<point>')
      .argument('<arm>')
      .requiredOption('--reason <text>', 'why, for the audit')
      .option('--for <duration>', 'how long, such as 30s, 10m, 1h (default: until removed)', howLong)
      .option('--segment <json>', 'conditions on the context, as a JSON object', jsonObject)
      .option('--where <field=value>', 'one condition; may be repeated', condition)
      .action(async (point: string, arm: string, flags: OverrideFlags) => {
        const { client, show } = session(io, flags);
        const segment = { ...flags.segment, ...flags.where };
        const pinned = await client.override(point, {
          arm,
          reason: flags.reason,
          ...(Object.keys(segment).length === 0 ? {} : { segment }),
          ...(flags.for === undefined ? {} : { forMs: flags.for }),
        });
        show(
          { point, arm, ...pinned },
          () =>
            `${point} serves ${arm} ${flags.for === undefined ? 'until removed' : `for ${duration(flags.for)}`} (tag ${pinned.tag})\n`,
        );
      }),
  );
  override.addCommand(
    clientCommand('remove', 'take back an override, or all of a point')
      .argument('<point>')
      .option('--tag <tag>', 'this one only')
      .option('--reason <text>', 'why, for the audit')
      .action(async (point: string, flags: ClientFlags & { tag?: string; reason?: string }) => {
        const { client, show } = session(io, flags);
        const removed = await client.removeOverride(point, flags);
        show(
          { point, ...removed },
          () => `${plural(removed.tags.length, 'override')} of ${point} taken back\n`,
        );
      }),
  );
  return override;
}

/** As `field` has it; a unit is text, also one of digits. */
function condition(text: string, before: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return text.startsWith('unit=') ? { ...before, unit: text.slice('unit='.length) } : field(text, before);
}

function howLong(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('Give a duration such as 30s, 10m, 1h or 7d.');
  return ms;
}

/** `ganglion quarantine NODE` */
export function quarantineCommand(io: Io): Command {
  return clientCommand('quarantine', 'take a node’s evidence out of everything it taught')
    .argument('<name>', 'the node')
    .requiredOption('--reason <text>', 'why, for the audit')
    .option('--lift', 'take the quarantine back: its evidence counts again')
    .action(async (node: string, flags: Reasoned & { lift?: boolean }) => {
      const { client, show } = session(io, flags);
      if (flags.lift === true) {
        const lifted = await client.liftQuarantine(node, flags.reason);
        return show({ node, quarantined: false, ...lifted }, () => `${node} is no longer quarantined\n`);
      }
      await client.quarantine(node, flags.reason);
      show({ node, quarantined: true }, () => `${node} is quarantined\n`);
    });
}

/** `ganglion controls` */
export function controlsCommand(io: Io): Command {
  return clientCommand('controls', 'what stands: kills with their acknowledgements, overrides, quarantine')
    .option('--watch', 'again each second')
    .action(async (flags: ClientFlags & { watch?: boolean }) => {
      const shown = session(io, flags);
      await watch(
        shown,
        flags.watch === true,
        () => shown.client.controls(),
        (controls) => controlsText(controls, shown.style),
      );
    });
}

function controlsText({ kills, overrides, quarantined }: ControlsStatus, style: Style): string {
  const parts: string[] = [];
  for (const kill of kills)
    parts.push(
      `${style.bad(`kill ${clean(kill.scope)}`)}  ${clean(kill.reason)}  ${style.dim(`by ${clean(kill.by)} at ${kill.origin}, ${time(kill.atMs)}, tag ${kill.tag}`)}\n${acknowledgementTable(kill, style)}`,
    );
  if (overrides.length > 0)
    parts.push(
      table(
        [
          { head: 'OVERRIDE' },
          { head: 'ARM' },
          { head: 'SEGMENT' },
          { head: 'UNTIL' },
          { head: 'BY' },
          { head: 'REASON' },
          { head: 'TAG' },
        ],
        overrides.map(({ point, arm, segment, expiresMs, by, reason, tag }) => [
          point,
          arm,
          Object.keys(segment).length === 0 ? 'everybody' : clean(JSON.stringify(segment)),
          expiresMs === null ? 'removed' : time(expiresMs),
          clean(by),
          clean(reason),
          tag,
        ]),
        style,
      ),
    );
  if (quarantined.length > 0)
    parts.push(
      table(
        [{ head: 'QUARANTINED' }, { head: 'SINCE' }, { head: 'BY' }, { head: 'REASON' }],
        quarantined.map(({ node, atMs, by, reason }) => [node, time(atMs), clean(by), clean(reason)]),
        style,
      ),
    );
  return parts.length === 0 ? 'nothing stands\n' : parts.join('\n');
}

function acknowledgementTable(kill: KillStatus, style: Style): string {
  return table(
    [{ head: 'NODE' }, { head: 'STATE' }, { head: 'AFTER', right: true }],
    kill.acknowledgements.map((each) => [
      each.node,
      stateText(each, style),
      each.afterMs === null ? UNKNOWN : duration(each.afterMs),
    ]),
    style,
  );
}

/** The three are never merged: acknowledged, expired, unbounded. */
function stateText({ state }: Acknowledgement, style: Style): string {
  if (state === 'acknowledged') return style.good('acknowledged');
  if (state === 'lease_expired') return style.warn('lease expired');
  return state === 'unbounded' ? style.bad(state) : style.warn(state);
}

function plural(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

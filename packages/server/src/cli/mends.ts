/** What the daemon tells callers of its HTTP API to do, in the words of the command. The longer address comes first. */
const COMMANDS: readonly (readonly [call: RegExp, command: string])[] = [
  [/GET \/v1\/points\/\{point\}/g, 'ganglion point get POINT'],
  [/GET \/v1\/points\/([\w.-]+)/g, 'ganglion point get $1'],
  [/GET \/v1\/points\b/g, 'ganglion point list'],
  [/PUT \/v1\/points\/\{point\}/g, 'ganglion point apply FILE'],
  [/POST \/v1\/models\/\{model\}\/versions/g, 'ganglion model register MODEL VERSION FILE'],
  [/GET \/v1\/models\/\{model\}/g, 'ganglion model show MODEL'],
  [/GET \/v1\/models\b/g, 'ganglion model list'],
  [/POST \/v1\/revive with the scope (\S+?)\.?$/g, 'ganglion revive $1 --reason …'],
  [/GET \/v1\/nodes\b/g, 'ganglion nodes'],
  [/GET \/v1\/controls\b/g, 'ganglion controls'],
  [/Send "authorization: Bearer TOKEN" \(.*?\)/g, 'Give a token with --token, or set GANGLION_TOKEN'],
];

/** A mend as somebody at a terminal can follow it: commands in place of calls. */
export function commandMend(mend: string): string {
  return COMMANDS.reduce((text, [call, command]) => text.replace(call, command), mend);
}

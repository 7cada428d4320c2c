/** Words that YAML, of one version or another, reads as something else than text. */
const NOT_TEXT = /^(true|false|null|yes|no|on|off|y|n|nan|inf)$/i;
const PLAIN = /^[A-Za-z][\w-]*$/;
/** Lists and maps up to this long stand on one line. */
const LINE = 76;

/** Plain data as YAML that a person would write: maps one key a line, what is short within braces. */
export function toYaml(value: unknown, indent = ''): string {
  if (Array.isArray(value) && value.length > 0) return items(value, indent);
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0)
    return Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([key, each]) => `${indent}${scalar(key)}:${under(each, indent)}`)
      .join('');
  return `${indent}${flow(value)}\n`;
}

function under(value: unknown, indent: string): string {
  const short = flow(value);
  // A map with maps in it is easier read line by line, however short.
  const deep = typeof value === 'object' && value !== null && Object.values(value).some(isMap);
  const fits =
    indent.length + short.length <= LINE && !deep && !(indent === '' && isMap(value) && short !== '{}');
  return fits ? ` ${short}\n` : `\n${toYaml(value, `${indent}  `)}`;
}

function items(list: readonly unknown[], indent: string): string {
  return list
    .map((each) => {
      const short = flow(each);
      if (indent.length + short.length <= LINE) return `${indent}- ${short}\n`;
      // The first key stands behind the dash, the others below it.
      return `${indent}- ${toYaml(each, `${indent}  `).trimStart()}`;
    })
    .join('');
}

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).filter(([, each]) => each !== undefined);
    return pairs.length === 0
      ? '{}'
      : `{ ${pairs.map(([key, each]) => `${scalar(key)}: ${flow(each)}`).join(', ')} }`;
  }
  return scalar(value);
}

/** JSON is YAML: text that is not surely text is written as there. */
function scalar(value: unknown): string {
  if (typeof value === 'string' && PLAIN.test(value) && !NOT_TEXT.test(value)) return value;
  return JSON.stringify(value) ?? 'null';
}

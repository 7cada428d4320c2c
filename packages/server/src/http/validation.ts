import { GanglionError } from '@ganglion/core';
import type { FastifySchemaValidationError } from 'fastify/types/schema.js';
import { wordsOf } from './patterns.ts';

/** What the schema refused, as one of our errors: the field by its path, and a sentence that says what to send. */
export function schemaError(errors: readonly FastifySchemaValidationError[], part: string): GanglionError {
  // Of a `oneOf`, the branches' own complaints come first; the deepest says most.
  const error = [...errors].sort((a, b) => b.instancePath.length - a.instancePath.length)[0];
  const at = fieldOf(error.instancePath);
  const extra = error.params.missingProperty ?? error.params.additionalProperty;
  const field = typeof extra === 'string' ? (at === '' ? extra : `${at}.${extra}`) : at || part;
  return new GanglionError('invalid_input', `${field} ${saying(error)}`, { field, mend: mendOf(error) });
}

/** `/guards/1/openFor` → `guards[1].openFor` */
function fieldOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce(
      (path, token) => (/^\d+$/.test(token) ? `${path}[${token}]` : path === '' ? token : `${path}.${token}`),
      '',
    );
}

function saying(error: FastifySchemaValidationError): string {
  if (error.keyword === 'required') return 'is missing';
  if (error.keyword === 'additionalProperties') return 'is not known here';
  return error.message ?? 'is not valid';
}

function mendOf(error: FastifySchemaValidationError): string {
  const { keyword, params } = error;
  if (keyword === 'required') return `Send ${String(params.missingProperty)}.`;
  if (keyword === 'additionalProperties')
    return 'Leave it out; the fields of this call are in /openapi.json.';
  if (keyword === 'enum') return `Use one of: ${(params.allowedValues as unknown[]).join(', ')}.`;
  if (keyword === 'pattern')
    return wordsOf(String(params.pattern)) ?? 'See this call in /openapi.json for what fits.';
  return 'See this call in /openapi.json.';
}

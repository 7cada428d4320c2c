import { GanglionError, show } from '../errors.ts';
import type { DecideInput } from '../node-api.ts';
import type {
  DefinedPoint,
  FeatureSetSpec,
  FieldSpec,
  PointSpec,
  RuleSpec,
  SchemaIssue,
  StandardSchema,
} from './spec.ts';

/** Where a context is described: by a validator, by fields, or by both. */
export type ContextOf<Schema extends StandardSchema> =
  | Schema
  | { readonly schema: Schema; readonly fields: Readonly<Record<string, FieldSpec>> };

/** A declaration with the arms it names checked by the compiler. */
type Declared<Arm extends string> = Omit<PointSpec<Arm>, 'context' | 'features' | 'fallback'> & {
  readonly fallback: NoInfer<Arm> | { readonly rules: readonly RuleSpec<NoInfer<Arm>>[] };
};

type InputOf<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>['input'];

type FieldSpecs = Readonly<Record<string, FieldSpec>>;
type FeatureSpecs = Readonly<Record<string, FeatureSetSpec>>;
type None = Readonly<Record<string, never>>;

/** A context as its fields declare it: those that are required, the others, and what names the entities of features. */
type ByFields<Fields, Features> = {
  readonly [Name in keyof Fields as IfRequired<Fields[Name], Name>]: ValueOf<Fields[Name]>;
} & {
  readonly [Name in keyof Fields as Exclude<Name, IfRequired<Fields[Name], Name>>]?:
    | ValueOf<Fields[Name]>
    | null
    | undefined;
} & { readonly [Name in Exclude<KeyOf<Features[keyof Features]>, keyof Fields>]?: string | null | undefined };

/** As one record, which is what an editor and an error then show. */
type Plain<Context> = { [Name in keyof Context]: Context[Name] } & unknown;
type IfRequired<Spec, Name> = Spec extends { readonly required: true } ? Name : never;
type ValueOf<Spec> = Spec extends { readonly type: 'number' }
  ? number
  : Spec extends { readonly type: 'boolean' }
    ? boolean
    : Spec extends { readonly type: 'category' }
      ? CategoryOf<Spec>
      : number | string | boolean;
/** Where `buckets` are declared, other values are expected beside those that are. */
type CategoryOf<Spec> = Spec extends { readonly buckets: number }
  ? string
  : Spec extends { readonly values: readonly (infer Value)[] }
    ? Value
    : string;
/** The member of the context by which a set of features finds its entity. */
type KeyOf<FeatureSet> = FeatureSet extends { readonly key: `context.${infer Name}` } ? Name : never;

/**
 * A point with typed arms and a typed context. `context` is a Standard Schema validator, fields, or `{ schema, fields }`.
 * The validator is code: it checks what callers in this process give, and its output is the context from there on. The
 * fields are data: they go down the tree, and are what policies, rules and segments read, of that output, by their own
 * ranges. A validator alone leaves policies nothing to read.
 *
 * @throws GanglionError `invalid_spec` for something that is no Standard Schema of version 1, or is asynchronous: a
 * decision cannot wait for it. One that turns out to be so later is refused decision by decision (`invalid_context`).
 */
export function definePoint<const Arm extends string, Schema extends StandardSchema>(
  spec: Declared<Arm> & { readonly context: ContextOf<Schema>; readonly features?: FeatureSpecs },
): DefinedPoint<Arm, InputOf<Schema>>;
export function definePoint<
  const Arm extends string,
  const Fields extends FieldSpecs = None,
  const Features extends FeatureSpecs = None,
>(
  spec: Declared<Arm> & { readonly context?: Fields; readonly features?: Features },
): DefinedPoint<Arm, Plain<ByFields<Fields, Features>>>;
export function definePoint(spec: Omit<PointSpec, 'context'> & { readonly context?: unknown }): DefinedPoint {
  const { context, ...rest } = spec;
  if (context === undefined) return { spec: rest, schema: undefined };
  if (isSchema(context)) return { spec: rest, schema: checkedSchema(context) };
  const { schema, fields } = context as { schema?: unknown; fields?: Readonly<Record<string, FieldSpec>> };
  if (!isSchema(schema))
    return { spec: { ...rest, context: context as Readonly<Record<string, FieldSpec>> }, schema: undefined };
  return {
    spec: fields === undefined ? rest : { ...rest, context: fields },
    schema: checkedSchema(schema),
  };
}

/** Validators may be functions, as arktype's are. */
const isSchema = (value: unknown): value is StandardSchema =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') && '~standard' in value;

function checkedSchema(schema: StandardSchema): StandardSchema {
  const standard = schema['~standard'];
  if (standard?.version !== 1 || typeof standard.validate !== 'function')
    throw new GanglionError('invalid_spec', 'context is not a Standard Schema of version 1', {
      field: 'context',
      mend: 'Give a validator with ~standard.version 1, or fields.',
    });
  let result: unknown;
  try {
    result = standard.validate({});
  } catch {
    return schema; // it minds an empty context: what it says of others is heard then
  }
  if (isPromise(result))
    throw new GanglionError('invalid_spec', `context ${ASYNCHRONOUS}`, {
      field: 'context',
      mend: 'Use a synchronous validator, and look things up before the decision.',
    });
  return schema;
}

const ASYNCHRONOUS = 'is validated asynchronously, and a decision cannot wait for that';

function isPromise(value: unknown): boolean {
  if (typeof (value as PromiseLike<unknown> | undefined)?.then !== 'function') return false;
  // Nobody waits for it; that it may reject is nobody's error either.
  void Promise.resolve(value).catch(() => {});
  return true;
}

/** An input whose context has been through the validator, once: its output, or what is wrong with it. */
export class ConformedInput implements DecideInput {
  readonly context: Readonly<Record<string, unknown>> | undefined;
  readonly unit: string | undefined;
  readonly episode: string | undefined;
  readonly exclude: readonly string[] | undefined;
  readonly taken: DecideInput['taken'];
  /** '' where nothing is. */
  readonly wrong: string;

  constructor(input: DecideInput | undefined, context: unknown, wrong: string) {
    this.context = context as Readonly<Record<string, unknown>> | undefined;
    this.unit = input?.unit;
    this.episode = input?.episode;
    this.exclude = input?.exclude;
    this.taken = input?.taken;
    this.wrong = wrong;
  }
}

/**
 * An input that the pipeline can take, its context through the validator where there is one. A wrong one is kept as it
 * was given, with what is wrong. Never throws.
 */
export function conform(
  schema: StandardSchema | undefined,
  input: DecideInput | undefined,
): DecideInput | undefined {
  try {
    // As most are: there is nothing to find.
    if (schema === undefined && typeof input?.unit === 'string' && input.episode === undefined) return input;
    const misnamed = namesWrong(input);
    if (misnamed !== '')
      return new ConformedInput({ taken: input?.taken, exclude: input?.exclude }, undefined, misnamed);
    return schema === undefined || input instanceof ConformedInput ? input : validate(schema, input);
  } catch (error) {
    return new ConformedInput(undefined, undefined, failed('the input cannot be read', error));
  }
}

function validate(schema: StandardSchema, input: DecideInput | undefined): ConformedInput {
  try {
    const result = schema['~standard'].validate(input?.context ?? {});
    if (isPromise(result)) return new ConformedInput(input, undefined, `context ${ASYNCHRONOUS}`);
    const { value, issues } = result as { value?: unknown; issues?: readonly SchemaIssue[] };
    if (issues !== undefined) return new ConformedInput(input, input?.context, describe(issues));
    const wrong = notFlat(value);
    return new ConformedInput(input, wrong === '' ? value : input?.context, wrong);
  } catch (error) {
    return new ConformedInput(input, undefined, failed('context: the validator failed', error));
  }
}

const failed = (what: string, error: unknown): string =>
  `${what}: ${error instanceof Error ? error.message : String(error)}`.slice(0, MESSAGE_MAX);

/** Assignment hashes text: to it, all numbers would be one unit. */
function namesWrong(input: DecideInput | undefined): string {
  if (input === undefined || input === null) return '';
  if (typeof input !== 'object')
    return `the input is ${show(input)}; it must be an object such as {"unit": …, "context": …}`;
  const { unit, episode } = input;
  if (typeof unit !== 'string' && unit !== undefined && unit !== null)
    return `unit is ${show(unit)}; it must be text`;
  if (typeof episode !== 'string' && episode !== undefined && episode !== null)
    return `episode is ${show(episode)}; it must be text`;
  return '';
}

const MESSAGE_MAX = 300;

function describe(issues: readonly SchemaIssue[]): string {
  if (issues.length === 0) return 'context is refused by its schema';
  const { message, path } = issues[0];
  const steps = (path ?? []).map((step) => `.${String(typeof step === 'object' ? step.key : step)}`);
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return `context${steps.join('')}: ${message}`.slice(0, MESSAGE_MAX) + more;
}

function notFlat(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return "context: the schema's output is not a record";
  for (const name of Object.keys(value)) {
    const field = (value as Record<string, unknown>)[name];
    if (typeof field === 'object' && field !== null)
      return `context.${name.slice(0, 128)}: the schema's output is not flat`;
  }
  return '';
}

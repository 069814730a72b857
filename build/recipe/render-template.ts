import Handlebars from 'handlebars';
import { KeelsonError, type Place } from '../errors/keelson-error.ts';
import { suggestName } from '../errors/nearest-name.ts';
import type { ServiceDefinition } from '../services/service-definition.ts';
import type { Recipe } from './recipe.ts';

/** What every template can name. */
export interface RecipeTemplateContext {
  readonly recipe: Readonly<
    Record<'name' | 'version' | 'description' | 'hostname' | 'architecture', string>
  > & { readonly suites: readonly string[] };
}

/** What the templates of a service can name. */
export interface ServiceTemplateContext extends RecipeTemplateContext {
  readonly values: Readonly<Record<string, unknown>>;
  readonly service: Readonly<Record<'name' | 'description', string>>;
}

type RecipeNames = Pick<Recipe, 'name' | 'version' | 'description' | 'hostname' | 'architecture' | 'suites'>;

/** For the `.hbs` files of layers and recipes. */
export function recipeTemplateContext(recipe: RecipeNames): RecipeTemplateContext {
  const { name, version, description, hostname, architecture, suites } = recipe;
  return { recipe: { name, version, description, hostname, architecture, suites } };
}

/** For the `.hbs` files of a service. */
export function serviceTemplateContext(
  recipe: RecipeNames,
  service: Pick<ServiceDefinition, 'name' | 'description' | 'values'>,
): ServiceTemplateContext {
  const { name, description, values } = service;
  return { ...recipeTemplateContext(recipe), values, service: { name, description } };
}

/**
 * Fills in a Handlebars template: strict (an unknown name is a fault, in helpers too), no HTML escaping, built-in helpers
 * and `json` only. Throws TEMPLATE_INVALID. `place` is that of the text; for a whole file (a place without a line) the line
 * is found.
 */
export function renderTemplate(text: string, context: RecipeTemplateContext, place: Place): string {
  if (!text.includes('{{')) return text;
  try {
    const { program, template } = compileOnce(text);
    new NameCheck(context).accept(program);
    return template(context, { helpers });
  } catch (cause) {
    throw templateError(cause as HandlebarsFault, text, context, place);
  }
}

interface CompiledTemplate {
  readonly program: hbs.AST.Program;
  readonly template: HandlebarsTemplateDelegate;
}

/** A function of the text alone. Each file is filled in twice: when the recipe is checked, and for the image. */
const compiled = new Map<string, CompiledTemplate>();

function compileOnce(text: string): CompiledTemplate {
  let known = compiled.get(text);
  if (known === undefined) {
    const program = Handlebars.parse(text);
    const options = { strict: true, noEscape: true, knownHelpersOnly: true, knownHelpers };
    known = { program, template: Handlebars.compile(program, options) };
    compiled.set(text, known);
  }
  return known;
}

/** A value of a recipe as it is, in a file that is JSON. */
const helpers = { json: (value: unknown) => JSON.stringify(value) };
const knownHelpers = { json: true };

interface HandlebarsFault {
  readonly message: string;
  readonly lineNumber?: number;
  readonly column?: number;
  readonly unknownName?: string;
}

/** Handlebars is not strict about the arguments of helpers (`{{#if values.typo}}`): this looks at every name. */
class NameCheck extends Handlebars.Visitor {
  readonly #context: object;
  /** Blocks that change what plain names mean. */
  #scopes = 0;

  constructor(context: object) {
    super();
    this.#context = context;
  }

  override BlockStatement(block: hbs.AST.BlockStatement): void {
    const helper = (block.path as hbs.AST.PathExpression).original;
    const isScope = helper === 'each' || helper === 'with';
    this.acceptArray(block.params);
    if (isScope) this.#scopes++;
    if (block.program) this.accept(block.program);
    if (isScope) this.#scopes--;
    if (block.inverse) this.accept(block.inverse);
  }

  override MustacheStatement(mustache: hbs.AST.MustacheStatement): void {
    if (mustache.params.length === 0) this.accept(mustache.path);
    this.acceptArray(mustache.params);
  }

  override SubExpression(expression: hbs.AST.SubExpression): void {
    this.acceptArray(expression.params);
  }

  override PathExpression(path: hbs.AST.PathExpression): void {
    const isRooted = path.data && path.parts[0] === 'root';
    if (!isRooted && (path.data || path.depth > 0 || this.#scopes > 0)) return;
    let value: unknown = this.#context;
    for (const part of isRooted ? path.parts.slice(1) : path.parts) {
      if (value === null || typeof value !== 'object' || !Object.hasOwn(value, String(part))) {
        throw Object.assign(new Error(`there is no "${path.original}"`), {
          unknownName: path.original,
          lineNumber: path.loc.start.line,
          column: path.loc.start.column,
        });
      }
      value = (value as Record<string, unknown>)[String(part)];
    }
  }
}

function templateError(fault: HandlebarsFault, text: string, context: object, place: Place): KeelsonError {
  const parseLine = /^Parse error on line ([0-9]+)/.exec(fault.message)?.[1];
  const line = fault.lineNumber ?? (parseLine === undefined ? undefined : Number(parseLine));
  const sourceLine = text.split(/\r?\n/)[(line ?? 0) - 1];
  const isFile = place.line === undefined && line !== undefined && sourceLine !== undefined;
  const reason =
    parseLine === undefined ? fault.message.replace(/ - [0-9]+:[0-9]+$/, '') : 'it is not written well';
  return new KeelsonError({
    code: 'TEMPLATE_INVALID',
    class: 'input',
    message: `Cannot fill in the template: ${reason}`,
    place: isFile
      ? { ...place, line, sourceLine, ...(fault.column === undefined ? {} : { column: fault.column + 1 }) }
      : place,
    hint:
      fault.unknownName === undefined
        ? 'check the braces and names: {{values.port}}, {{recipe.name}}, {{#if values.x}}…{{/if}}'
        : suggestPath(fault.unknownName, context),
  });
}

/** `port` → `values.port`; otherwise the nearest of all names. */
function suggestPath(name: string, context: object): string {
  const paths = Object.entries(context).flatMap(([part, value]) =>
    Object.keys(value as object).map((key) => `${part}.${key}`),
  );
  const sameEnd = paths.find((path) => path.endsWith(`.${name}`));
  return sameEnd === undefined ? suggestName(name, paths, 'names') : `did you mean "${sameEnd}"?`;
}

import { type Alias, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { Fault } from './fault.ts';

/** Aliases cost a walk through the document each; a handful is what people write. */
const mostAliases = 100;

/** A value somewhere in the file. */
export interface Found {
  readonly node: Node | undefined;
  /** How to name it in a message, such as `users[0].uid`. */
  readonly name: string;
}

/**
 * Reads a YAML file of unknown origin value by value, and collects what is wrong instead of throwing. Nothing is expanded that
 * is not asked for, so aliases of aliases cannot blow up.
 */
export class YamlReader {
  readonly faults: Fault[] = [];
  readonly root: Found;
  readonly #file: Fault['file'];
  readonly #lines = new LineCounter();
  readonly #document;
  #aliases = 0;

  constructor(file: Fault['file'], text: string) {
    this.#file = file;
    // Cloud-init reads YAML 1.1: 0644 is octal. The parser's own search for repeated keys is quadratic.
    this.#document = parseDocument(text, {
      version: '1.1',
      lineCounter: this.#lines,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'silent',
    });
    for (const error of this.#document.errors) {
      this.#add(error.pos[0], error.message);
    }
    this.root = { node: this.#document.contents ?? undefined, name: 'the file' };
  }

  fault(found: Found, message: string): void {
    this.#add(found.node?.range?.[0], message);
  }

  /** Values by key; a key that is not a plain text is a fault. */
  fields(found: Found): ReadonlyMap<string, Found> {
    const fields = new Map<string, Found>();
    const node = this.#resolve(found);
    if (isNothing(node)) {
      return fields;
    }
    if (!isMap(node)) {
      this.fault(found, `${found.name} must be a mapping`);
      return fields;
    }
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : undefined;
      if (name === undefined) {
        this.fault({ node: key as Node, name: 'key' }, `a key of ${found.name} must be a plain text`);
        continue;
      }
      const place = (value ?? key) as Node;
      if (fields.has(name)) {
        this.fault({ node: key as Node, name }, `${name} is set twice; the last one counts`);
      }
      fields.set(name, { node: place, name: found.node === this.root.node ? name : `${found.name}.${name}` });
    }
    return fields;
  }

  /** Items of a list; a single value counts as a list of one, as cloud-init has it. */
  items(found: Found | undefined, most = 1000): readonly Found[] {
    const node = found && this.#resolve(found);
    if (found === undefined || isNothing(node)) {
      return [];
    }
    if (!isSeq(node)) {
      return [found];
    }
    if (node.items.length > most) {
      this.fault(found, `${found.name} has more than ${most} items; the rest is left out`);
    }
    return node.items
      .slice(0, most)
      .map((item, index) => ({ node: item as Node, name: `${found.name}[${index}]` }));
  }

  /** `undefined` when it is not set or not a text. */
  text(found: Found | undefined): string | undefined {
    const value = this.#scalar(found, 'a text');
    return value === undefined ? undefined : String(value);
  }

  /** Like `text`, but a number stays one. */
  textOrNumber(found: Found | undefined): string | number | undefined {
    const value = this.#scalar(found, 'a text or number');
    return typeof value === 'number' || value === undefined ? value : String(value);
  }

  flag(found: Found | undefined): boolean | undefined {
    const value = this.#scalar(found, 'true or false');
    if (found !== undefined && value !== undefined && typeof value !== 'boolean') {
      this.fault(found, `${found.name} must be true or false`);
      return undefined;
    }
    return value as boolean | undefined;
  }

  isMapping(found: Found): boolean {
    return isMap(this.#resolve(found));
  }

  #scalar(found: Found | undefined, wanted: string): string | number | boolean | undefined {
    const node = found && this.#resolve(found);
    if (found === undefined || isNothing(node)) {
      return undefined;
    }
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      return value;
    }
    this.fault(found, `${found.name} must be ${wanted}`);
    return undefined;
  }

  #resolve(found: Found): Node | undefined {
    if (!isAlias(found.node)) {
      return found.node;
    }
    this.#aliases += 1;
    if (this.#aliases > mostAliases) {
      this.fault(found, `${found.name} is one alias too many; only ${mostAliases} are followed`);
      return undefined;
    }
    return (found.node as Alias).resolve(this.#document) as Node | undefined;
  }

  #add(offset: number | undefined, message: string): void {
    const position = offset === undefined ? undefined : this.#lines.linePos(offset);
    this.faults.push({
      file: this.#file,
      ...(position && { line: position.line, column: position.col }),
      message,
    });
  }
}

/** `key:` with nothing behind it. */
function isNothing(node: unknown): boolean {
  return (
    node === undefined || node === null || (isScalar(node) && (node.value === null || node.value === ''))
  );
}

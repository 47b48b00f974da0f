import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';

/**
 * What the stores keep their rows in: in memory, and in a file too where one is named, which the next server goes on with.
 * All of it is written as one: a row that several tables hold is one object after a restart too.
 */
export class Tables {
  readonly #file: string | undefined;
  readonly #tables: Map<string, Map<string, unknown>>;

  constructor(file?: string) {
    this.#file = file;
    this.#tables = file !== undefined && existsSync(file) ? deserialize(readFileSync(file)) : new Map();
  }

  /** The table of this name, with the rows it was left with. */
  table<Row>(name: string): Map<string, Row> {
    const table = this.#tables.get(name) ?? new Map<string, unknown>();
    this.#tables.set(name, table);
    return table as Map<string, Row>;
  }

  /** Writes the file; killed meanwhile, it leaves what was there before. */
  keep(): void {
    if (this.#file === undefined) return;
    const unfinished = `${this.#file}.unfinished`;
    writeFileSync(unfinished, serialize(this.#tables), { mode: 0o600 });
    renameSync(unfinished, this.#file);
  }
}

/** Header fields of a response. Names are case-insensitive. */
export class HeaderFields {
  readonly #values = new Map<string, string[]>();

  /** Returns the first value of a field: some servers send a field twice. */
  get(name: string): string | undefined {
    return this.all(name)[0];
  }

  /** Returns all values of a field, in the order of arrival. */
  all(name: string): readonly string[] {
    return this.#values.get(name.toLowerCase()) ?? [];
  }

  /** Number of different names. */
  get size(): number {
    return this.#values.size;
  }

  append(name: string, value: string): void {
    const key = name.toLowerCase();
    const values = this.#values.get(key);
    if (values) values.push(value);
    else this.#values.set(key, [value]);
  }

  /** Appends a continuation line to the last value of a field. */
  extend(name: string, more: string): void {
    const values = this.#values.get(name.toLowerCase())!;
    values.push(`${values.pop()} ${more}`.trim());
  }

  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (const [name, values] of this.#values) for (const value of values) yield [name, value];
  }
}

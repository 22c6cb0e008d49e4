/** Reads fields out of JSON from the outside. What is not as expected throws; nothing is assumed. */

/** Says where an answer is not what its documentation says. */
export class ShapeError extends Error {}

export type JsonObject = Readonly<Record<string, unknown>>

/** `path` names the value in the error, such as `value[3].agent`. */
export function asObject(value: unknown, path: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unexpected(value, path, 'an object')
  return value as JsonObject
}

export function asList(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw unexpected(value, path, 'a list')
  return value
}

export function asText(value: unknown, path: string): string {
  if (typeof value !== 'string') throw unexpected(value, path, 'a text')
  return value
}

/** A whole number, zero or more: every number we read is an id or a count. */
export function asCount(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw unexpected(value, path, 'a whole number')
  return value
}

export function asFlag(value: unknown, path: string): boolean {
  if (typeof value !== 'boolean') throw unexpected(value, path, 'true or false')
  return value
}

export function asTexts(value: unknown, path: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(asObject(value, path)).map(([name, text]) => [name, asText(text, `${path}.${name}`)]))
}

/** `undefined` for a field that is absent or null; otherwise what `read` makes of it. */
export function optional<T>(value: unknown, path: string, read: (value: unknown, path: string) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value, path)
}

/** The fields that have a value, for objects whose absent fields are left out. */
export function present<T extends object>(fields: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

/**
 * The rows of a list answer `{count, value}`. A count that differs from the rows is a cut answer.
 */
export function asRows(json: unknown): readonly unknown[] {
  const answer = asObject(json, 'the answer')
  const rows = asList(answer['value'], 'value')
  const count = optional(answer['count'], 'count', asCount)
  if (count !== undefined && count !== rows.length)
    throw new ShapeError(`count is ${String(count)}, but there are ${String(rows.length)} rows`)
  return rows
}

function unexpected(value: unknown, path: string, expected: string): ShapeError {
  const found =
    value === undefined
      ? 'missing'
      : value === null
        ? 'null'
        : Array.isArray(value)
          ? 'a list'
          : typeof value === 'object'
            ? 'an object'
            : `the ${typeof value} ${String(value).slice(0, 40)}`
  return new ShapeError(`${path} is ${found}, expected ${expected}`)
}

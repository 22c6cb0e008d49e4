/**
 * What an answer looks like on the wire. Handlers return {@link Wire} values with enums and dates still marked; the
 * caller's Accept header picks the dialect: the browser client asks for numbers, `/Date(ms)/` and bare arrays, everybody
 * else gets strings, ISO dates and `{count, value}`. Source: azure-facts.md 2, "Wire dialects".
 */

const tag = Symbol('wire')
type WireEnum = { readonly [tag]: 'enum'; readonly name: string; readonly number: number }
type WireDate = { readonly [tag]: 'date'; readonly iso: string }
type WireList = { readonly [tag]: 'list'; readonly items: readonly Wire[] }
export type WireObject = { readonly [key: string]: Wire }
export type Wire = undefined | null | boolean | number | string | WireEnum | WireDate | WireList | readonly Wire[] | WireObject

export type EnumTable = Readonly<Record<string, number>>

/** One value of an enum, by its camelCase name. */
export function enumOf<T extends EnumTable>(table: T, name: keyof T & string): Wire {
  return { [tag]: 'enum', name, number: table[name] ?? 0 }
}

/** A set of flags, from its number. */
export function flagsOf(table: EnumTable, number: number): Wire {
  const names = Object.keys(table).filter((name) => table[name] !== 0 && (number & (table[name] ?? 0)) !== 0)
  return { [tag]: 'enum', name: names.join(', ') || 'none', number }
}

/** Reads an enum as clients send it: the name in any case, or the number. `undefined` when it is neither. */
export function readEnum<T extends EnumTable>(table: T, value: unknown): (keyof T & string) | undefined {
  const text = String(value).toLowerCase()
  return Object.keys(table).find((name) => name.toLowerCase() === text || String(table[name]) === text)
}

export function dateOf(iso: string): Wire {
  return { [tag]: 'date', iso }
}

/** A collection: wrapped as `{count, value}` unless the dialect says otherwise. */
export function listOf(items: readonly Wire[]): Wire {
  return { [tag]: 'list', items }
}

export type Dialect = {
  readonly enumsAsNumbers: boolean
  readonly msDates: boolean
  readonly bareArrays: boolean
  readonly excludeUrls: boolean
}

export function dialectOf(accept: string | undefined): Dialect {
  const isOn = (name: string): boolean => new RegExp(`;\\s*${name}=true\\b`, 'i').test(accept ?? '')
  return {
    enumsAsNumbers: isOn('enumsAsNumbers'),
    msDates: isOn('msDateFormat'),
    bareArrays: isOn('noArrayWrap'),
    excludeUrls: isOn('excludeUrls'),
  }
}

/** Turns a handler's answer into plain JSON values of `dialect`. */
export function encode(value: Wire, dialect: Dialect): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (isArray(value)) return value.map((item) => encode(item, dialect))
  if (isMarked(value)) return encodeMarked(value, dialect)
  const entries = Object.entries(value).filter(([key]) => !(dialect.excludeUrls && isUrlField(key)))
  return Object.fromEntries(entries.map(([key, field]) => [key, encode(field, dialect)]))
}

function encodeMarked(value: WireEnum | WireDate | WireList, dialect: Dialect): unknown {
  switch (value[tag]) {
    case 'enum':
      return dialect.enumsAsNumbers ? value.number : value.name
    case 'date':
      return dialect.msDates ? `/Date(${Date.parse(value.iso)})/` : value.iso
    case 'list': {
      const items = value.items.map((item) => encode(item, dialect))
      return dialect.bareArrays ? items : { count: items.length, value: items }
    }
  }
}

function isUrlField(key: string): boolean {
  return key === '_links' || key === 'url'
}

function isArray(value: object): value is readonly Wire[] {
  return Array.isArray(value)
}

function isMarked(value: object): value is WireEnum | WireDate | WireList {
  return tag in value
}

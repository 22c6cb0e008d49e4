/**
 * How values cross between frames as JSON: functions become proxies that are called back, dates and cycles are marked,
 * names with an underscore stay behind unless the caller asks for them. Source: azure-facts.md 7, "Host page (XDM) protocol".
 */

export type RemoteFunction = (...args: readonly unknown[]) => unknown
type Fields = Record<string, unknown>

/** Deeper values are cut off. */
const depthMax = 100

export type SerializeOptions = {
  /** Keeps a function so that the other side can call it. */
  readonly expose: (method: RemoteFunction) => Fields
  readonly keepsUnderscores: boolean
}

/** The value as the other side's `revive` takes it. Null crosses as nothing at all. */
export function serialize(value: unknown, options: SerializeOptions): unknown {
  const open = new Map<object, Fields | unknown[]>()
  let cycles = 0

  function copy(item: unknown): unknown {
    if (typeof item === 'function') return options.expose((...args) => item(...args))
    if (typeof item !== 'object') return item
    if (item === null || open.size >= depthMax) return undefined
    if (item instanceof Date) return { __proxyDate: item.getTime() }
    const ancestor = open.get(item)
    return ancestor === undefined ? copyObject(item) : refer(ancestor as Fields)
  }

  function copyObject(item: object): unknown {
    const target: Fields | unknown[] = Array.isArray(item) ? [] : {}
    open.set(item, target)
    if (Array.isArray(target)) for (const each of item as readonly unknown[]) target.push(copy(each))
    else for (const [key, field] of fieldsOf(item, options.keepsUnderscores)) target[key] = copy(field)
    open.delete(item)
    return target
  }

  function refer(ancestor: Fields): Fields {
    ancestor['__circularReferenceId'] ??= ++cycles
    return { __circularReference: ancestor['__circularReferenceId'] }
  }

  return copy(value)
}

/** The value that `serialize` was given on the other side. Changes `value`, which comes fresh from JSON. */
export function revive(value: unknown, proxy: (id: number) => RemoteFunction): unknown {
  const cycles = new Map<number, object>()

  function restore(item: unknown): unknown {
    if (typeof item !== 'object' || item === null) return item
    const { __proxyFunctionId: functionId, __proxyDate: time, __circularReference: cycle } = item as Fields
    if (typeof functionId === 'number') return proxy(functionId)
    if (typeof time === 'number') return new Date(time)
    if (typeof cycle === 'number') return cycles.get(cycle)
    return restoreFields(item as Fields)
  }

  function restoreFields(item: Fields): Fields {
    const cycle = item['__circularReferenceId']
    if (typeof cycle === 'number') {
      cycles.set(cycle, item)
      delete item['__circularReferenceId']
    }
    for (const key of Object.keys(item)) item[key] = restore(item[key])
    return item
  }

  return restore(value)
}

/** An error's message and name are not enumerable, but they are what the other side shows. */
function fieldsOf(item: object, keepsUnderscores: boolean): readonly (readonly [string, unknown])[] {
  const own = Object.entries(item).filter(([key]) => key !== '__proxyFunctionId' && (keepsUnderscores || !key.startsWith('_')))
  return item instanceof Error ? [['name', item.name], ['message', item.message], ...own] : own
}

/** How the shapes of the API are written. */
import { Type, type Static, type TSchema } from 'typebox'

export const list = <T extends TSchema>(items: T) => Type.Unsafe<readonly Static<T>[]>(Type.Array(items))
/** A shape that the core owns: typed for callers, open in the document. */
export const core = <T>(description: string) => Type.Unsafe<T>(Type.Object({}, { additionalProperties: true, description }))
export const oneOf = <const T extends readonly string[]>(values: T, description?: string) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...(description === undefined ? {} : { description }) })
export const closed = { additionalProperties: false } as const
export const text = (maxLength: number, description: string) => Type.String({ minLength: 1, maxLength, description })

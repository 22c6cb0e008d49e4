/** Reading request bodies: JSON that a client wrote, so nothing about it is taken for granted. */
import type { FastifyRequest } from 'fastify'
import type { Json } from '../../backend/simulator/facts.ts'
import { refuse } from './refusals.ts'

export type JsonObject = { readonly [key: string]: Json }

/** The request's body as an object; without a body an empty one. Throws InvalidRequestContent for anything else. */
export function bodyOf(request: FastifyRequest): JsonObject {
  const body = request.body as Json | undefined
  if (body === undefined || body === null) return {}
  return isObject(body) ? body : refuse(400, 'InvalidRequestContent', 'The request content has to be a JSON object.')
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value as an object; an absent or differently typed one is empty. */
export function objectAt(parent: JsonObject, key: string): JsonObject {
  const value = parent[key]
  return isObject(value) ? value : {}
}

/** The value as a list; an absent or differently typed one is empty. */
export function listAt(parent: JsonObject, key: string): readonly Json[] {
  const value = parent[key]
  return Array.isArray(value) ? value : []
}

export function stringAt(parent: JsonObject, key: string): string | undefined {
  const value = parent[key]
  return typeof value === 'string' ? value : undefined
}

/** A map of strings, as tags are; throws InvalidParameter when a value is not a string. */
export function stringsAt(parent: JsonObject, key: string): Readonly<Record<string, string>> | undefined {
  const value = parent[key]
  if (value === undefined || value === null) return undefined
  const allStrings = isObject(value) && Object.values(value).every((entry) => typeof entry === 'string')
  return allStrings
    ? (value as Record<string, string>)
    : refuse(400, 'InvalidParameter', `The parameter '${key}' has to map names to strings.`)
}

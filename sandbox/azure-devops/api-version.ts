/** Negotiation of the API version. Source: azure-facts.md 2 and the public clients' negotiation code. */
import type { FastifyRequest } from 'fastify'
import { badRequest, Failure } from './failures.ts'

/** Versions of every resource the sandbox serves, as its locations announce them. */
export const supported = { min: '1.0', released: '7.1', max: '7.2' } as const

/** The version a request asks for, or the released one. Throws {@link Failure} 400 for one that is not served. */
export function apiVersionOf(request: FastifyRequest): string {
  const asked = askedVersion(request)
  if (asked !== undefined) return checked(asked)
  if (request.method === 'GET' || request.method === 'OPTIONS') return supported.released
  const message = `A ${request.method} request must name its api-version in the query or in the Accept header.`
  throw new Failure(400, 'VssVersionNotSpecifiedException', message)
}

function askedVersion(request: FastifyRequest): string | undefined {
  const inQuery = new URL(request.url, 'http://sandbox').searchParams.get('api-version')
  return inQuery ?? /;\s*api-version=([^;,\s]+)/i.exec(request.headers.accept ?? '')?.[1]
}

function checked(asked: string): string {
  const parts = /^(\d+\.\d+)(-preview(\.\d+)?)?$/.exec(asked)
  if (parts?.[1] === undefined) throw badRequest(`The api-version "${asked}" is not of the form 7.1 or 7.2-preview.1.`)
  const version = Number(parts[1])
  if (version < Number(supported.min) || version > Number(supported.max)) {
    const message = `The api-version ${asked} is outside the range ${supported.min} to ${supported.max} of this resource.`
    throw new Failure(400, 'VssVersionOutOfRangeException', message)
  }
  if (version > Number(supported.released) && parts[2] === undefined) {
    const message = `The api-version ${asked} is under preview; ask for ${asked}-preview.`
    throw new Failure(400, 'VssInvalidPreviewVersionException', message)
  }
  return asked
}

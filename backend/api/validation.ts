/** Checks requests by their schemas, and says in one sentence what is wrong with them. */
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'

/** Query and path values are texts and are converted first; bodies are taken as they are. */
export const validatorCompiler = TypeBoxValidatorCompiler

/** Names the first field at fault and what it has to be. */
export function validationSentence(errors: readonly FastifySchemaValidationError[], part: string): Error {
  // A field too many is reported twice: once by its own empty schema, which says nothing.
  const error = errors.find(({ keyword }) => keyword !== 'boolean')
  if (error === undefined) return new Error(`The ${part} is not as the API describes it. Compare it with /openapi.json.`)
  const { params } = error
  const missing = params['requiredProperties']
  const extra = params['additionalProperties']
  const where = error.instancePath.replace(/^\//, '').replaceAll('/', '.')
  const named = where === '' ? `The ${part}` : `${where} in the ${part}`
  if (Array.isArray(missing)) return new Error(`${named} lacks ${missing.join(', ')}. Compare it with /openapi.json.`)
  if (Array.isArray(extra))
    return new Error(
      `${named} has a field that is not known: ${extra.map(shortened).join(', ')}. Leave it out, or compare with /openapi.json.`,
    )
  const allowed = params['allowedValues']
  const rule = Array.isArray(allowed) ? `has to be one of ${allowed.join(', ')}` : (error.message ?? 'is not valid')
  return new Error(`${named} ${rule}. Compare it with /openapi.json.`)
}

/** Whoever sends a secret in the place of a name does not get it back in a sentence. */
function shortened(name: unknown): string {
  const text = String(name)
  return text.length > 64 ? `${text.slice(0, 16)}…` : text
}

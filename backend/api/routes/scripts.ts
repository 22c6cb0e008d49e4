/**
 * Serves the bootstrap scripts to machines. The address holds version and hash, so a changed script is another address; the mark
 * is only there so that a model with other parameters holds another one.
 */
import { Type } from 'typebox'
import type { AgentScript } from '../agent-scripts.ts'
import { notFound } from '../problems.ts'
import type { ApiParts, App } from '../parts.ts'

const params = Type.Object({ version: Type.String(), sha256: Type.String(), mark: Type.String(), file: Type.String() })

export function scripts(app: App, parts: ApiParts): void {
  app.get(
    '/scripts/:version/:sha256/:mark/:file',
    { config: { right: 'open' }, schema: { params, response: { 200: Type.String() } } },
    async (request, reply) => {
      const { version, sha256, file } = request.params
      const ours = version === parts.scripts.version ? parts.scripts.files : []
      const isMeant = (each: AgentScript): boolean => each.name === file && each.sha256 === sha256
      const script = ours.find(isMeant) ?? (await parts.scripts.former?.(file, sha256))
      if (script === undefined)
        throw notFound(
          `There is no script ${file} of version ${version} with that hash. This service serves version ${parts.scripts.version}.`,
        )
      return reply
        .type('text/plain; charset=utf-8')
        .header('cache-control', 'public, max-age=31536000, immutable')
        .send(script.body.toString('utf8'))
    },
  )
}

/** What the sandbox has for people: their tokens, our extension with its data, and the page that shows our hub. */
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { AddRoute } from '../azure-devops/routes.ts'
import type { Project } from '../azure-devops/projects.ts'
import type { Person } from '../people.ts'
import { createPeopleTokens } from '../people-tokens.ts'
import { addDocumentRoutes } from './document-routes.ts'
import { openDocuments } from './documents.ts'
import { openExtension } from './extension.ts'
import type { Extension } from './extension.ts'
import { registerHostPage } from './host-page.ts'
import type { HostPageOptions } from './host-page.ts'
import { registerIdentity } from './identity-routes.ts'

export type Pages = {
  readonly extension: Extension
  /** The person behind a bearer token of the sandbox's. */
  personOf(authorization: string | undefined): Person | undefined
  /** Adds the extension data service to the organization. */
  addRoutes(add: AddRoute): void
  /** Adds everything that is the sandbox's own to `app`. */
  register(app: FastifyInstance, projects: readonly Project[]): void
}

export type PagesOptions = {
  readonly dataDir: string
  readonly organization: string
  readonly tokenLifetimeS: number
  /** Serves the host page; without it there are people but no page. */
  readonly hostPage?: HostPageOptions | undefined
}

/** Reads or makes what is kept in the data directory. Throws when that fails. */
export async function openPages({ dataDir, organization, tokenLifetimeS, hostPage }: PagesOptions): Promise<Pages> {
  const extension = await openExtension(join(dataDir, 'extension.json'))
  const documents = openDocuments(join(dataDir, 'extension-data', `${encodeURIComponent(organization)}.json`))
  const tokens = createPeopleTokens(organization, tokenLifetimeS)
  return {
    extension,
    personOf: tokens.personOf,
    addRoutes: (add) => addDocumentRoutes(add, documents),
    register(app, projects) {
      void app.register(async (scope) => registerIdentity(scope, extension, tokens.issue))
      if (hostPage !== undefined) void app.register(async (scope) => registerHostPage(scope, { ...hostPage, organization, projects }))
    },
  }
}

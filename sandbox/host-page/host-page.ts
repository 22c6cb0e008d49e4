/**
 * The settings pages of the organization and its projects, with our hub in them as Azure DevOps would show it: in a frame
 * of the hub's own origin. Needs no sign-in: like all of the sandbox's own API it is on loopback only.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { guidOf } from '../azure-devops/guid.ts'
import type { Project } from '../azure-devops/projects.ts'
import { acceptEmptyBodies } from '../empty-bodies.ts'
import { descriptorOf, people } from '../people.ts'
import { extensionNames } from './extension.ts'
import { assetsPath, pageHtml } from './html.ts'
import { buildItem, hubItem, itemOf, menuOf } from './menu.ts'
import type { PageData } from './page-data.ts'

export type HostPageOptions = {
  /** Holds `page.js` and `page.css`, made by bundle.mjs. */
  readonly assets: string
  /** Where the hub is served. It can be told later, by `PUT /_sandbox/hub`. */
  readonly hubUrl?: string
}
type HostPageParts = HostPageOptions & { readonly organization: string; readonly projects: readonly Project[] }

type Params = { readonly project?: string; readonly page?: string }

const contentTypes: Readonly<Record<string, string>> = { 'page.js': 'text/javascript', 'page.css': 'text/css' }
const hubBody = { type: 'object', required: ['url'], additionalProperties: false, properties: { url: { type: 'string' } } } as const

/** Adds the routes to `app`, which is a scope of its own. Throws when `hubUrl` is no http or https address. */
export function registerHostPage(app: FastifyInstance, parts: HostPageParts): void {
  let hubUrl = parts.hubUrl === undefined ? undefined : checkedUrl(parts.hubUrl)
  acceptEmptyBodies(app)
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
  })
  for (const path of ['/_settings', '/_settings/:page', '/:project/_settings', '/:project/_settings/:page']) {
    app.get<{ Params: Params }>(`/${parts.organization}${path}`, ({ params, protocol, host }, reply) =>
      sendPage(reply, pageData(parts, params, `${protocol}://${host}`, hubUrl)),
    )
  }
  app.get<{ Params: Params }>(`/${parts.organization}/:project/_build/results`, ({ params, protocol, host }, reply) =>
    sendPage(reply, pageData(parts, { ...params, page: buildItem.id }, `${protocol}://${host}`)),
  )
  app.get<{ Params: { file: string } }>(`${assetsPath}/:file`, async ({ params: { file } }, reply) => {
    const type = contentTypes[file]
    if (type === undefined) return reply.code(404).send({ message: `The host page has no file ${file}.` })
    return reply.type(`${type}; charset=utf-8`).send(await readFile(join(parts.assets, file)))
  })
  app.put<{ Body: { readonly url: string } }>('/_sandbox/hub', { schema: { body: hubBody } }, (request, reply) => {
    hubUrl = checkedUrl(request.body.url)
    return reply.code(204).send()
  })
}

/** What the page at this address shows; undefined when the organization has no such project or page. */
function pageData(parts: HostPageParts, { project: projectName, page }: Params, origin: string, hubUrl?: string): PageData | undefined {
  const { organization } = parts
  const project = parts.projects.find(({ id, name }) => [id, name.toLowerCase()].includes(projectName?.toLowerCase() ?? ''))
  const context = projectName === undefined ? 'organization' : 'project'
  const item = page === buildItem.id ? buildItem : itemOf(menuOf(context), page ?? hubItem.id)
  if (item === undefined || (projectName !== undefined && project === undefined)) return undefined
  const { publisherId, extensionId, version, organizationHub, projectHub } = extensionNames
  const id = `${publisherId}.${extensionId}`
  const hub = {
    contributionId: `${id}.${project === undefined ? organizationHub : projectHub}`,
    ...(hubUrl !== undefined && { url: hubUrl }),
  }
  return {
    organization: { id: guidOf(`organization/${organization}`), name: organization, url: `${origin}/${encodeURIComponent(organization)}` },
    ...(project !== undefined && { project: { ...project, team: { id: guidOf(`team/${project.id}`), name: `${project.name} Team` } } }),
    extension: { id, publisherId, extensionId, version },
    people: people.map((person) => ({ ...person, descriptor: descriptorOf(person) })),
    page: item,
    ...(item === hubItem && { hub }),
  }
}

function sendPage(reply: FastifyReply, data: PageData | undefined): FastifyReply {
  if (data === undefined) return reply.code(404).type('text/plain; charset=utf-8').send('The sandbox has no such project or settings page.')
  const frames = data.hub?.url === undefined ? "'none'" : new URL(data.hub.url).origin
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    'img-src data:',
    `frame-src ${frames}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
  ]
  return reply
    .headers({ 'content-security-policy': policy.join('; ') })
    .type('text/html; charset=utf-8')
    .send(pageHtml(data))
}

/** The address as the browser writes it. Throws a sentence, with status 400, for anything but http and https. */
function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url.href
  throw Object.assign(new Error(`The hub's address is '${text}': it has to be an http or https address.`), { statusCode: 400 })
}

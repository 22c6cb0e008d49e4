/** The agent's packages: what Azure DevOps says of them, and the files themselves as its download host gives them to anybody. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import { Failure } from './failures.ts'
import { integer } from './routes.ts'
import type { AddRoute, Call } from './routes.ts'
import { dateOf, listOf } from './wire.ts'
import type { Wire, WireObject } from './wire.ts'

/** A package that is really there. */
export type AgentPackage = {
  readonly platform: string
  readonly version: string
  readonly file: string
  /** What is said of its SHA-256 instead of the truth. */
  readonly hash?: 'missing' | 'wrong'
}

/** The version that is announced for platforms without a file; its address is Azure's and its hash is made up. */
const newest = '4.273.0'
const platforms = ['linux-x64', 'linux-arm64', 'win-x64', 'osx-x64']
const route = '/_apis/distributedtask/packages/agent'
const filesPath = '/_sandbox/packages'

/** `packages` is read at every call, so that a test may change it. */
export function addPackageRoutes(add: AddRoute, packages: readonly AgentPackage[], createdAtIso: string): void {
  const all = async (call: Call): Promise<readonly WireObject[]> => {
    const announced = platforms.filter((platform) => packages.every((each) => each.platform !== platform))
    const present = packages.map((each) => presentPackage(each, call))
    return Promise.all([...present, ...announced.map(announcedPackage)].map(async (each) => onWire(await each, createdAtIso)))
  }
  const ofPlatform = async (call: Call): Promise<readonly WireObject[]> =>
    (await all(call)).filter(({ platform }) => platform === call.path('platform'))

  add('GET', route, 'admin-or-agent', async (call) => listOf(await all(call)))
  add('GET', `${route}/:platform`, 'admin-or-agent', async (call) => {
    const top = call.query('$top')
    return listOf((await ofPlatform(call)).slice(0, top === undefined ? undefined : integer(top, '$top')))
  })
  add('GET', `${route}/:platform/:version`, 'admin-or-agent', async (call): Promise<Wire> => {
    const found = (await ofPlatform(call)).find(({ filename }) => filename === nameOf(call.path('platform'), call.path('version')))
    if (found !== undefined) return found
    throw new Failure(404, 'PackageNotFoundException', `There is no agent package ${call.path('version')} for ${call.path('platform')}.`)
  })
}

/** The download host: no token is asked for. */
export function registerPackageFiles(app: FastifyInstance, packages: readonly AgentPackage[]): void {
  app.get<{ Params: { file: string } }>(`${filesPath}/:file`, (request, reply) => {
    const found = packages.find(({ platform, version }) => nameOf(platform, version) === request.params.file)
    if (found === undefined) return reply.code(404).send({ message: `There is no package ${request.params.file}.` })
    return reply.type('application/octet-stream').send(createReadStream(found.file))
  })
}

type Described = {
  readonly platform: string
  readonly version: string
  readonly downloadUrl: string
  readonly hashValue: string | undefined
}

async function presentPackage({ platform, version, file, hash }: AgentPackage, { base }: Call): Promise<Described> {
  const content = hash === 'wrong' ? 'another content' : await readFile(file)
  return {
    platform,
    version,
    downloadUrl: `${new URL(base).origin}${filesPath}/${nameOf(platform, version)}`,
    hashValue: hash === 'missing' ? undefined : sha256(content),
  }
}

function announcedPackage(platform: string): Described {
  const name = nameOf(platform, newest)
  const downloadUrl = `https://download.agent.dev.azure.com/agent/${newest}/${name}`
  return { platform, version: newest, downloadUrl, hashValue: sha256(name) }
}

function onWire({ platform, version, downloadUrl, hashValue }: Described, createdAtIso: string): WireObject {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  return {
    type: 'agent',
    platform,
    createdOn: dateOf(createdAtIso),
    version: { major, minor, patch },
    filename: nameOf(platform, version),
    downloadUrl,
    hashValue,
    infoUrl: 'https://go.microsoft.com/fwlink/?LinkId=798199',
  }
}

function nameOf(platform: string, version: string): string {
  return `vsts-agent-${platform}-${version}.${platform.startsWith('win') ? 'zip' : 'tar.gz'}`
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

/** Our extension as the organization has it installed: its names, its secret, and the app tokens that the secret signs. */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { guidOf } from '../azure-devops/guid.ts'
import type { Person } from '../people.ts'
import { signWithSecret } from '../people-jwt.ts'

/** Names in the manifest. The hubs are its contributions to organization and project settings. */
export const extensionNames = {
  publisherId: 'scale-set-agents',
  extensionId: 'scale-set-agents',
  version: '0.1.0',
  organizationHub: 'organization-hub',
  projectHub: 'project-hub',
} as const

/** The file that the service is configured from. A rotation keeps the secret before it, until the next one. */
type ExtensionFile = { readonly id: string; readonly secret: string; readonly previousSecret?: string }

export type Extension = {
  /** The extension's GUID: the audience of app tokens. */
  readonly id: string
  /** JSON with `id`, `secret` and `previousSecret`, readable by its owner only. */
  readonly file: string
  /** Says who the person is to our service. Source: azure-facts.md 7, "App token". */
  appToken(person: Person): string
  /** Makes a new secret; tokens of the old one stay in circulation for their 70 minutes. */
  rotateSecret(): Promise<void>
}

const appTokenLifetimeS = 70 * 60

/** Reads the extension kept in `file`, or makes it. Throws when the file cannot be read or written. */
export async function openExtension(file: string): Promise<Extension> {
  let kept = (await readKept(file)) ?? (await keep(file, { id: randomUUID(), secret: newSecret() }))
  const { id } = kept

  function appToken(person: Person): string {
    const now = Math.floor(Date.now() / 1000)
    const claims = { nameid: person.id, tid: guidOf('directory'), jti: randomUUID(), iss: 'app.vstoken.visualstudio.com', aud: id }
    return signWithSecret({ ...claims, nbf: now, exp: now + appTokenLifetimeS }, kept.secret)
  }

  async function rotateSecret(): Promise<void> {
    kept = await keep(file, { id, secret: newSecret(), previousSecret: kept.secret })
  }

  return { id, file, appToken, rotateSecret }
}

/** The Marketplace's secrets look like a token themselves but are used as text. */
function newSecret(): string {
  return [24, 96, 32].map((bytes) => randomBytes(bytes).toString('base64url')).join('.')
}

async function readKept(file: string): Promise<ExtensionFile | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? undefined : Promise.reject(error),
  )
  return text === undefined ? undefined : (JSON.parse(text) as ExtensionFile)
}

async function keep(file: string, content: ExtensionFile): Promise<ExtensionFile> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(`${file}.new`, JSON.stringify(content, null, 2), { mode: 0o600 })
  await rename(`${file}.new`, file)
  return content
}

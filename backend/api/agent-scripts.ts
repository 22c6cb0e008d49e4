/** The bootstrap scripts that machines fetch: only those that the manifest lists, and only as it describes them. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'

export type AgentScript = { readonly name: string; readonly sha256: string; readonly body: Buffer }
export type AgentScripts = {
  readonly version: string
  readonly files: readonly AgentScript[]
  /** Finds one of another version of this service. */
  readonly former?: (name: string, sha256: string) => Promise<AgentScript | undefined>
}

type Manifest = { readonly version: string; readonly files: readonly { readonly path: string; readonly sha256: string }[] }

/**
 * Reads `manifest.json` of the folder and the files it lists.
 * @throws Error when a file is not the one that the manifest describes: a machine would refuse it.
 */
export async function loadAgentScripts(folder: string): Promise<AgentScripts> {
  const { version, files } = JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')) as Manifest
  return { version, files: await Promise.all(files.map((file) => load(folder, file))) }
}

/** Where machines find the script below the service's address, without mark and name; `undefined` when there is none of that name. */
export function scriptFolder(scripts: AgentScripts, name: string): { readonly path: string; readonly sha256: string } | undefined {
  const file = scripts.files.find((each) => each.name === name)
  return file && { path: `/scripts/${scripts.version}/${file.sha256}`, sha256: file.sha256 }
}

async function load(folder: string, file: Manifest['files'][number]): Promise<AgentScript> {
  const body = await readFile(path.join(folder, file.path))
  const sha256 = createHash('sha256').update(body).digest('hex')
  if (sha256 !== file.sha256)
    throw new Error(`${file.path} has the SHA-256 ${sha256}, and manifest.json says ${file.sha256}. Write the new one into the manifest.`)
  return { name: path.basename(file.path), sha256, body }
}

/** The files of deploy/, and what of them a test can read without the tools that run them. */
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { fieldNames, fields } from '../../backend/environment-fields.ts'

const root = path.join(__dirname, '../..')
export const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')

/** Paths below `folder`, which is below the root, as git has them. */
export function filesIn(folder: string): readonly string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name)
    return entry.isDirectory() ? filesIn(file) : [file]
  })
}

/** Every setting of the service, as the environment names it. */
export const settingNames: readonly string[] = ['SCALE_SET_AGENTS_CONFIG', ...fieldNames.map((name) => fields[name].env)]

/** What a text names in the way of a setting. */
export function settingsIn(text: string): readonly string[] {
  return [...new Set(text.match(/\bSCALE_SET_AGENTS_[A-Z_]*[A-Z]\b|\bAZURE_(?:CLIENT|TENANT|FEDERATED|AUTHORITY)_[A-Z_]*[A-Z]\b/g) ?? [])]
}

/** The leaves of a YAML file that has only maps of scalars: `azure.clientId` and the like. */
export function leavesOf(yaml: string): readonly string[] {
  const lines = yaml.split('\n').filter((line) => /^ *[\w-]+:/.test(line))
  const above: string[] = []
  return lines.flatMap((line, at) => {
    const depth = depthOf(line)
    above.splice(depth, above.length, /^ *([\w-]+):/.exec(line)?.[1] ?? '')
    return depthOf(lines[at + 1] ?? '') > depth ? [] : [above.join('.')]
  })
}

function depthOf(line: string): number {
  return (/^ */.exec(line)?.[0].length ?? 0) / 2
}

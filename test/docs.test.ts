/** The documents hold to the code: no dead link, no error code without its row. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { translate } from '../backend/core/azure-errors.ts'
import { defaultSettings } from '../backend/core/settings.ts'

const root = path.join(__dirname, '..')
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
const skipped = new Set(['node_modules', 'dist', 'coverage', 'reports', '.git', '.stryker-tmp'])

function documents(folder = '.'): readonly string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name)
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : documents(file)
    return file.endsWith('.md') ? [file] : []
  })
}

/** Targets of links and pictures, without those in code. */
function linksOf(text: string): readonly string[] {
  const prose = text.replace(/```[\s\S]*?```/g, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!)
}

/** Anchors of a document: explicit ids, and headings as GitHub names them. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
  return new Set([...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map((match) => match[1]!)])
}

function isDead(from: string, link: string): boolean {
  if (/^[a-z]+:/.test(link)) return false
  const [file = '', anchor] = link.split('#')
  const target = file === '' ? from : path.posix.join(path.posix.dirname(from), file)
  if (!existsSync(path.join(root, target))) return true
  return anchor !== undefined && target.endsWith('.md') && !anchorsOf(read(target)).has(anchor)
}

test.each(documents())('every link of %s leads somewhere', (file) => {
  expect(linksOf(read(file)).filter((link) => isDead(file, link))).toEqual([])
})

describe('docs/errors.md', () => {
  const rows = read('docs/errors.md').match(/^\| <a id=.*$/gm)!
  const rowsByCode = new Map(rows.flatMap((row) => [...row.matchAll(/<\/a>`([^`]+)`/g)].map((match) => [match[1]!, row] as const)))

  test('has every code of the translation table', () => {
    const table = read('backend/core/azure-errors.ts').split('export function translate')[0]!
    const patterns = [...table.matchAll(/\/\^\(?([^)$/]+)\)?\$\//g)].flatMap((match) => match[1]!.split('|'))
    expect(patterns.length).toBeGreaterThan(25)
    const documented = [...rowsByCode.keys()]
    expect(patterns.filter((pattern) => !documented.some((code) => new RegExp(`^${pattern}$`).test(code)))).toEqual([])
  })

  test('words each code as the service does', () => {
    const unlisted = translate('SomethingElse').fix
    const codes = [...rowsByCode].filter(([code]) => translate(code).fix !== unlisted)
    expect(codes.length).toBeGreaterThan(25)
    for (const [code, row] of codes) expect(row).toContain(`| ${translate(code).cause} | ${translate(code).fix} |`)
  })

  test('has every check of the scale set', () => {
    const [, ids = ''] = /export type CheckId =([^\n]*(?:\n {2}\|[^\n]*)+)/.exec(read('backend/core/checks.ts'))!
    const checks = [...ids.matchAll(/'([^']+)'/g)].map((match) => match[1]!)
    expect(checks).toContain('autoscale')
    expect(checks.filter((id) => !rowsByCode.has(id))).toEqual([])
  })
})

test('docs/settings.md has every setting with its default', () => {
  const page = read('docs/settings.md')
  for (const [name, value] of Object.entries(defaultSettings))
    expect(page).toMatch(
      new RegExp(`^\\| <a id="${name.toLowerCase()}"></a>\`${name}\` \\|.*\\| \`${escaped(JSON.stringify(value))}\` \\|`, 'm'),
    )
})

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

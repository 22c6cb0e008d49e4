/** The .vsix as it would be uploaded: built by tfx without a network, opened again and looked through. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { unzip } from '../support/zip.ts'

const root = path.dirname(path.dirname(__dirname))
const folder = mkdtempSync(path.join(os.tmpdir(), 'package-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function packed(...options: readonly string[]) {
  const output = execFileSync(process.execPath, [path.join(root, 'scripts', 'package.mjs'), '--to', folder, ...options], {
    encoding: 'utf8',
    env: { ...process.env, HTTPS_PROXY: 'http://127.0.0.1:1', HTTP_PROXY: 'http://127.0.0.1:1' },
  })
  const file = output.trim()
  const files = unzip(readFileSync(file))
  const text = (name: string): string => files.get(name)?.toString('utf8') ?? ''
  const assets = new Map(
    [...text('extension.vsixmanifest').matchAll(/<Asset Type="([^"]+)"[^>]*Path="([^"]+)"[^>]*\/>/g)].map(([all, type, at]) => [
      type,
      { path: at, all },
    ]),
  )
  return { file, files, text, assets, manifest: JSON.parse(text('extension.vsomanifest')) }
}

// The first build of a clean computer has no cache of webpack's to go by.
jest.setTimeout(240_000)

describe('the package', () => {
  let made: ReturnType<typeof packed>
  beforeAll(() => (made = packed()))

  test('is named after publisher, extension and version', () => {
    const { publisher, id, version } = JSON.parse(readFileSync(path.join(root, 'vss-extension.json'), 'utf8'))
    expect(path.basename(made.file)).toBe(`${publisher}.${id}-${version}.vsix`)
    expect(made.text('extension.vsixmanifest')).toContain(
      `<Identity Language="en-US" Id="${id}" Publisher="${publisher}" Version="${version}"/>`,
    )
  })

  test('has every file that its manifest lists, and lists every file of the hub', () => {
    for (const { path: at } of made.assets.values()) expect([...made.files.keys()]).toContain(at)
    const built = readdirSync(path.join(root, 'node_modules', '.cache', 'hub')).map((name) => `dist/hub/${name}`)
    expect([...made.assets.keys()]).toEqual(expect.arrayContaining(built))
  })

  test('shows a page in each contribution that the browser may fetch, and every file that the page names', () => {
    expect(made.manifest.contributions).toHaveLength(2)
    for (const { properties } of made.manifest.contributions) expect(made.assets.get(properties.uri)?.all).toContain('Addressable="true"')
    const named = [...made.text('dist/hub/hub.html').matchAll(/(?:src|href)="?([^\s">]+)/g)].map(([, name]) => `dist/hub/${name}`)
    expect(named.toSorted()).toEqual(['dist/hub/hub.css', 'dist/hub/hub.js'])
    for (const name of named) expect(made.files.has(name)).toBe(true)
  })

  test('shows a page that lets in no scripts but its own', () => {
    expect(made.text('dist/hub/hub.html')).toContain("default-src 'none'; script-src 'self'; ")
  })

  test('asks for the scopes of the manifest and no others', () => {
    expect(made.manifest.scopes).toEqual(['vso.agentpools_manage', 'vso.extension.data_write'])
  })

  test('brings its icon, its licence, and an overview whose pictures are in it', () => {
    const icon = made.files.get(made.assets.get('Microsoft.VisualStudio.Services.Icons.Default')?.path ?? '')
    expect([icon?.readUInt32BE(16), icon?.readUInt32BE(20)]).toEqual([128, 128])
    expect(made.text(made.assets.get('Microsoft.VisualStudio.Services.Content.License')?.path ?? '')).toContain('MIT')
    const overview = made.text(made.assets.get('Microsoft.VisualStudio.Services.Content.Details')?.path ?? '')
    expect(overview).toContain('# Scale Set Agents')
    const pictures = [...overview.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(([, picture]) => picture ?? '')
    expect(pictures).toHaveLength(4)
    for (const picture of pictures)
      expect([picture, made.assets.get(picture)?.all]).toEqual([picture, expect.stringContaining('Addressable="true"')])
  })

  test('holds pages, styles, fonts and pictures only: no sources, no maps, nothing of the repository', () => {
    const kinds = new Set([...made.files.keys()].map((name) => path.extname(name)))
    const shipped = ['', '.css', '.html', '.js', '.md', '.png', '.txt', '.vsixmanifest', '.vsomanifest', '.woff', '.woff2', '.xml']
    expect([...kinds].filter((kind) => !shipped.includes(kind))).toEqual([])
    for (const [name, content] of made.files) expect([name, content.includes(root)]).toEqual([name, false])
  })

  test('names no other host from which a page would load something', () => {
    // Namespaces and schemas, a help page in an error of React's, examples, the licence of the icons, and where the policy lets a service be.
    const harmless = [
      '127.0.0.1',
      'www.w3.org',
      'reactjs.org',
      'fb.me',
      'aka.ms',
      'agents.example.com',
      'proxy.example.com',
      'schema.management.azure.com',
    ]
    for (const [name, content] of made.files) {
      if (!/^dist\/hub\/.*\.(js|css|html)$/.test(name)) continue
      const hosts = [...content.toString('utf8').matchAll(/https?:\/\/([a-z0-9-]+(?:\.[a-z0-9-]+)+)/gi)].map(([, host]) => host ?? '')
      expect([name, hosts.filter((host) => !harmless.includes(host))]).toEqual([name, []])
    }
    expect(made.text('dist/hub/hub.css')).not.toMatch(/url\(["']?(https?:)?\/\//)
  })
})

test('the package for development serves its pages from this computer, under another id', () => {
  const { file, text, manifest } = packed('--dev')
  expect(path.basename(file)).toContain('scale-set-agents-dev-')
  expect(manifest.baseUri).toBe('https://localhost:3000')
  expect(text('extension.vsixmanifest')).not.toContain('<GalleryFlags>Public')
})

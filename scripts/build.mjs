/** Bundles every program of the repository into dist/. Silent unless it fails, so that `--json` output stays parseable. */
import { build } from 'esbuild'
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildHub } from './hub-build.mjs'
import { bundleHostPage } from '../sandbox/host-page/bundle.mjs'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/** Program in dist/ → its source. A source that does not exist is left out. */
function entryPoints() {
  const entries = {
    main: 'backend/main.ts',
    sandbox: 'sandbox/main.ts',
    soak: 'test/soak/main.ts',
    crash: 'test/crash/main.ts',
    kill: 'test/crash/kill-main.ts',
    'fuzz-claim': 'test/fuzz/main.ts',
  }
  for (const file of benchmarks()) entries[`bench-${path.basename(file, '.ts')}`] = `bench/${file}`
  return Object.fromEntries(Object.entries(entries).filter(([, source]) => existsSync(path.join(root, source))))
}

function benchmarks() {
  const folder = path.join(root, 'bench')
  return existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.ts')) : []
}

/** Replaced whole, so that a file deleted from the sources does not live on in dist/. */
function copyAgentScripts() {
  const from = path.join(root, 'agent-scripts')
  const to = path.join(root, 'dist', 'agent-scripts')
  rmSync(to, { recursive: true, force: true })
  if (existsSync(from)) cpSync(from, to, { recursive: true })
}

const options = {
  absWorkingDir: root,
  entryPoints: entryPoints(),
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: true,
  logLevel: 'warning',
}

/** Started hundreds of times in a row: in one file with its packages it loads in a third of the time. */
const killed = {
  ...options,
  entryPoints: { 'kill-service': 'test/crash/kill-service.ts' },
  packages: 'bundle',
  external: ['libsql', 'pg', 'pino'],
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
}

try {
  await Promise.all([
    build(options),
    ...(existsSync(path.join(root, killed.entryPoints['kill-service'])) ? [build(killed)] : []),
    bundleHostPage(root, path.join('dist', 'host-page')),
    buildHub(path.join(root, 'dist', 'hub')),
  ])
  copyAgentScripts()
} catch (error) {
  // esbuild has printed its own errors already.
  if (!('errors' in error)) console.error(`The build failed: ${error.message}`)
  process.exitCode = 1
}

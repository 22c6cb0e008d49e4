// Builds the service and the sandbox into a folder of their own: `node build.mjs FOLDER`. With `newer`, as a version that has one more
// migration, which only adds; both versions may run at the same time.
import { build } from 'esbuild'
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..')
const [folder, version] = process.argv.slice(2)

const invention = `async (tx) => {
  await tx.schema.createTable('inventions').addColumn('id', 'integer').execute()
  await tx.schema.alterTable('pools').addColumn('colour', 'text').execute()
  await tx.schema.alterTable('lease').addColumn('region', 'text', (c) => c.defaultTo('x')).execute()
}`

/** As the next version's source would be. */
const newer = {
  name: 'newer',
  setup({ onLoad }) {
    onLoad({ filter: /backend\/store\/migrate\.ts$/ }, ({ path: file }) => {
      const source = readFileSync(file, 'utf8')
      const contents = source.replace(/= \[(first\b[^\]]*)\]/, (_, migrations) => `= [${migrations}, ${invention}]`)
      if (contents === source) throw new Error(`The list of migrations was not found in ${file}.`)
      return { contents, loader: 'ts' }
    })
  },
}

await build({
  absWorkingDir: root,
  entryPoints: { main: 'backend/main.ts', sandbox: 'sandbox/main.ts' },
  outdir: path.join(folder, 'dist'),
  ...{ bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', logLevel: 'warning' },
  plugins: version === 'newer' ? [newer] : [],
})
mkdirSync(path.join(folder, 'dist'), { recursive: true })
cpSync(path.join(root, 'agent-scripts'), path.join(folder, 'dist', 'agent-scripts'), { recursive: true })
cpSync(path.join(root, 'package.json'), path.join(folder, 'package.json'))
symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))

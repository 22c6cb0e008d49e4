/** Makes the files that the host page's browser loads, for the build and for tests. */
import path from 'node:path'
import { build } from 'esbuild'

/** Writes `page.js` and `page.css` into `outdir`. `root` is the repository's folder. */
export async function bundleHostPage(root, outdir) {
  await build({
    absWorkingDir: root,
    entryPoints: ['main.ts', 'page.css'].map((file) => ({ in: path.join('sandbox/host-page/page', file), out: 'page' })),
    outdir,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'warning',
  })
}

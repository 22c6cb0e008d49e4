/** Builds the hub's pages, for the build and for tests. */
import webpack from 'webpack'
import { hubConfig } from '../webpack.config.mjs'

/** Writes hub.html, hub.js, hub.css, chunks and fonts into `outdir` in place of what is there. Rejects with webpack's own words. */
export function buildHub(outdir) {
  return new Promise((resolve, reject) => {
    const compiler = webpack(hubConfig({ outdir }))
    compiler.run((error, stats) =>
      compiler.close(() => {
        if (error) reject(error)
        else if (stats.hasErrors()) reject(new Error(`The hub was not built: ${stats.toString('errors-only')}`))
        else resolve()
      }),
    )
  })
}

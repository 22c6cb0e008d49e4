/** Builds the hub into dist/hub: hub.html, hub.js, hub.css, the chunk with the drawing code, and the fonts as files of their own. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import MiniCssExtractPlugin from 'mini-css-extract-plugin'

const root = path.dirname(fileURLToPath(import.meta.url))

/** @param {{ outdir?: string }} options Where to build to; dist/hub by default. */
export function hubConfig({ outdir = path.join(root, 'dist', 'hub') } = {}) {
  return {
    context: root,
    mode: 'production',
    target: ['web', 'es2022'],
    entry: { hub: './hub/main.tsx' },
    output: {
      path: outdir,
      filename: '[name].js',
      chunkFilename: '[name].js',
      assetModuleFilename: '[name][ext]',
      publicPath: 'auto',
      clean: true,
    },
    resolve: {
      extensions: ['.js'],
      // The SDK's own entry is for AMD loaders; its ESM build has no path of its own in `exports`.
      alias: { 'azure-devops-extension-sdk$': path.join(root, 'node_modules/azure-devops-extension-sdk/esm/SDK.min.js') },
    },
    module: { rules: [scripts, styles, fonts] },
    plugins: [new MiniCssExtractPlugin({ filename: '[name].css', chunkFilename: '[name].css' }), htmlFile],
    devtool: false,
    performance: { hints: false },
    cache: { type: 'filesystem', cacheDirectory: path.join(root, 'node_modules/.cache/webpack') },
    stats: 'errors-warnings',
  }
}

const scripts = {
  test: /\.tsx?$/,
  include: [path.join(root, 'hub'), path.join(root, 'backend')],
  loader: 'swc-loader',
  options: {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', tsx: true },
      transform: { react: { runtime: 'automatic' } },
    },
  },
}

const styles = { test: /\.css$/, use: [MiniCssExtractPlugin.loader, { loader: 'css-loader', options: { sourceMap: false } }] }

/** Never inlined: three quarters of the bytes would be fonts that a page does not need to begin. */
const fonts = { test: /\.woff2?$/, type: 'asset/resource' }

const htmlFile = {
  apply(compiler) {
    const source = path.join(root, 'hub', 'hub.html')
    compiler.hooks.thisCompilation.tap('hub.html', (compilation) => {
      compilation.fileDependencies.add(source)
      compilation.hooks.processAssets.tap('hub.html', () => {
        compilation.emitAsset('hub.html', new compiler.webpack.sources.RawSource(readFileSync(source)))
      })
    })
  },
}

export default hubConfig()

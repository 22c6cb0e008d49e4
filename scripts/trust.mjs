/**
 * `npm run trust`: runs every proof at the size of CI and makes docs/trust.md of the figures. One that fails is named,
 * and the page stays as it was. The figures are kept in reports/trust; `--from DIR` makes the page of such a folder.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './suites.mjs'
import { pageOf } from './trust-page.mjs'
import { machine, mutationScore, proofs, run } from './trust-proofs.mjs'

const usage = 'Usage: npm run trust -- [--quick] [--from DIR] [--to FILE] [--json]'

try {
  main(readOptions())
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}

function readOptions() {
  const flag = { type: 'boolean', default: false }
  try {
    const { values } = parseArgs({ options: { quick: flag, json: flag, from: { type: 'string' }, to: { type: 'string' } } })
    // Small sizes prove little: their page is only to look at.
    return { ...values, to: values.to ?? path.join(root, values.quick ? 'reports/trust.md' : 'docs/trust.md') }
  } catch (error) {
    throw new Error(`${error.message} ${usage}`, { cause: error })
  }
}

function main({ from, to, quick, json }) {
  const figures = from === undefined ? proveAnew(path.join(root, 'reports', 'trust'), quick) : readBack(from, quick)
  const page = pageOf(figures, (file) => readFileSync(path.join(root, file), 'utf8'))
  mkdirSync(path.dirname(to), { recursive: true })
  writeFileSync(`${to}.new`, page)
  renameSync(`${to}.new`, to)
  console.log(json ? JSON.stringify(figures) : `Everything held. The page is ${to}.`)
}

/** Each proof right after the other, because several measure time. */
function proveAnew(folder, quick) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const figures = {}
  const keep = (name, value) => {
    if (value === undefined) return
    figures[name] = value
    writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(value)}\n`)
  }
  keep('machine', machine())
  keep('mutation', mutationScore())
  for (const proof of proofs) {
    console.error(`== ${proof.name}`)
    keep(proof.name, held(proof, run(proof, quick), quick))
  }
  return figures
}

function readBack(folder, quick) {
  const read = (name) => {
    const file = path.join(folder, `${name}.json`)
    if (!existsSync(file)) throw new Error(`${name} failed: there is no ${file}. Nothing was written.`)
    try {
      return JSON.parse(readFileSync(file, 'utf8'))
    } catch (error) {
      throw new Error(`${name} failed: ${file} is not JSON (${error.message}). Nothing was written.`, { cause: error })
    }
  }
  const figures = { machine: read('machine') }
  if (existsSync(path.join(folder, 'mutation.json'))) figures.mutation = read('mutation')
  for (const proof of proofs) figures[proof.name] = held(proof, read(proof.name), quick)
  return figures
}

function held({ name, wrong }, figures, quick) {
  const problem = wrong(figures, quick)
  if (problem !== undefined) throw new Error(`${name} failed: ${problem}. Nothing was written.`)
  return figures
}

/** A PowerShell file as a tree: what tests ask of a script that cannot run here. */
import { readFileSync } from 'node:fs'
import { Language, Parser, type Node } from 'web-tree-sitter'

export type Script = { readonly root: Node; readonly text: string }
export type Command = { readonly name: string; readonly text: string; readonly node: Node }

let parser: Parser | undefined

/** Parses the text; a byte order mark is no part of the language. */
export async function parseScript(text: string): Promise<Script> {
  parser ??= await newParser()
  const tree = parser.parse(text.replace(/^\uFEFF/, ''))
  if (tree === null) throw new Error('tree-sitter gave no tree.')
  return { root: tree.rootNode, text }
}

export async function readScript(file: string): Promise<Script> {
  return parseScript(readFileSync(file, 'utf8'))
}

/** `line: text` of every place that is no PowerShell. */
export function syntaxErrors({ root }: Script): readonly string[] {
  if (!root.hasError) return []
  return all(root)
    .filter((node) => node.isError || node.isMissing)
    .map((node) => `${node.startPosition.row + 1}: ${node.text.slice(0, 60)}`)
}

export function nodesOf(node: Node, ...types: readonly string[]): readonly Node[] {
  return node.descendantsOfType([...types]).filter((found) => found !== null)
}

export function commandsOf(node: Node): readonly Command[] {
  return nodesOf(node, 'command').map((command) => ({
    name: command.childForFieldName('command_name')?.text ?? command.text.split(/\s/)[0] ?? '',
    text: command.text,
    node: command,
  }))
}

/** The functions of the script by name, in order. */
export function functionsOf({ root }: Script): ReadonlyMap<string, Node> {
  return new Map(nodesOf(root, 'function_statement').map((node) => [node.namedChild(0)?.text ?? '', node]))
}

/** `$Name = @{ 'key' = value … }` at the top of the script, as text. */
export function tableOf({ root }: Script, variable: string): Readonly<Record<string, string>> {
  const assignment = nodesOf(root, 'assignment_expression').find(({ text }) => text.startsWith(`${variable} = @{`))
  if (assignment === undefined) throw new Error(`The script has no table ${variable}.`)
  const entries = nodesOf(assignment, 'hash_entry').map(({ text }): [string, string] => {
    const [, key = '', value = ''] = /^'?([\w-]+)'?\s*=\s*([^]*)$/.exec(text) ?? []
    return [key, value.replace(/^'|'$/g, '')]
  })
  return Object.fromEntries(entries)
}

/** The variables that a text names, in lower case and without a scope: PowerShell does not tell cases apart. */
export function variablesOf(node: Node): readonly string[] {
  return nodesOf(node, 'variable', 'braced_variable').map(({ text }) => text.toLowerCase().replace(/^\$\{?(script:)?/, ''))
}

async function newParser(): Promise<Parser> {
  await Parser.init()
  const made = new Parser()
  // As bytes: from a path, the loader imports node:fs in a way that jest does not know.
  made.setLanguage(await Language.load(readFileSync(require.resolve('tree-sitter-powershell/tree-sitter-powershell.wasm'))))
  return made
}

function all(node: Node): readonly Node[] {
  return [node, ...node.children.flatMap((child) => (child === null ? [] : all(child)))]
}

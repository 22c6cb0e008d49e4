/** The Windows extension's rule for parameters: no token on the command line (azure-facts.md 4). */

const variable = 'ENABLE_AGENT_PAT_TOKEN'

/**
 * Words as PowerShell takes them, double quotes keeping blanks together. The value after `-token` moves to the environment,
 * and its argument becomes the variable's name: the script has to look it up.
 */
export function splitWindowsParameters(text: string): {
  readonly words: readonly string[]
  readonly secrets: Readonly<Record<string, string>>
} {
  const words = [...text.matchAll(/(?:"[^"]*"|[^\s"])+/g)].map(([word]) => word.replaceAll('"', ''))
  const at = words.findIndex((word) => word.toLowerCase() === '-token')
  const token = at < 0 ? undefined : words[at + 1]
  if (token === undefined) return { words, secrets: {} }
  return { words: words.with(at + 1, variable), secrets: { [variable]: token } }
}

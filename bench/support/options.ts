/** A number from the command line. @throws Error with the next step. */
export function positive(option: string, text: string): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`--${option} is '${text}'; give a number above 0.`)
}

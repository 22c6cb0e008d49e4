import { parseArgs } from 'node:util'

/** So many pools with so many machines, measured for so long. */
export type FleetOptions = { readonly pools: number; readonly machines: number; readonly minutes: number; readonly json: boolean }

/** From the command line. @throws Error with the next step. */
export function readFleet(usual: { readonly pools: number; readonly machines: number; readonly minutes: number }): FleetOptions {
  const number = (value: number): { type: 'string'; default: string } => ({ type: 'string', default: String(value) })
  const { values } = parseArgs({
    options: {
      ...{ pools: number(usual.pools), machines: number(usual.machines), minutes: number(usual.minutes) },
      json: { type: 'boolean', default: false },
    },
  })
  return {
    pools: positive('pools', values.pools),
    machines: positive('machines', values.machines),
    minutes: positive('minutes', values.minutes),
    json: values.json,
  }
}

/** A number from the command line. @throws Error with the next step. */
export function positive(option: string, text: string): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`--${option} is '${text}'; give a number above 0.`)
}

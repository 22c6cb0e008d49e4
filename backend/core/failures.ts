/** The failure that a Diagnostics entry tells of, as data again: entries are kept as the sentences that were said. */
import { bootCauses, bootFix, type Translation } from './boot.ts'
import { translate } from './azure-errors.ts'

export type KnownFailure = Translation & {
  /** Short: `hash mismatch`, or Azure's code. */
  readonly name: string
}

/** `undefined` for an entry that tells of no failure, or of one that only happens once. `raw`: `Code: the other side's words`. */
export function failureTold({ message, raw }: { readonly message: string; readonly raw?: string }): KnownFailure | undefined {
  const named = /failed to start(?: in [a-z]+)?: ([a-z ]+)\. /.exec(message)?.[1]
  const cause = bootCauses.find((each) => each.replaceAll('-', ' ') === named)
  if (named !== undefined && cause !== undefined) return { name: named, ...bootFix[cause] }
  const code = message.startsWith('Failed (') ? /^(\w+): /.exec(raw ?? '')?.[1] : undefined
  return code === undefined ? undefined : { name: code, ...translate(code) }
}

/** What people ask for and confirm, as the store keeps it for the loop. */

/** A person's order about one machine, waiting to be taken in by the loop. `try-again` is about the pool; `disable` and `enable` are done and told. */
export type Order = {
  readonly id: number
  /** Empty for an order about the pool; the agent's name for an agent that is not ours. */
  readonly machineId: string
  readonly order: 'delete' | 'reimage' | 'save' | 'unsave' | 'adopt' | 'try-again' | 'disable' | 'enable'
  readonly by: string
  readonly force: boolean
}

/** What only a person may decide: the machines found at the claim are replaced, or this owner's claim is taken over. */
export type Confirmed = 'replace' | { readonly takeOverFrom: string }

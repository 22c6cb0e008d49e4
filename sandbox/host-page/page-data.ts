/** What the server tells the page's script. Types only: server and browser share nothing else. */

export type PageData = {
  readonly organization: { readonly id: string; readonly name: string; readonly url: string }
  readonly project?: { readonly id: string; readonly name: string; readonly team: { readonly id: string; readonly name: string } }
  readonly extension: {
    readonly id: string
    readonly publisherId: string
    readonly extensionId: string
    readonly version: string
  }
  readonly people: readonly PersonOnPage[]
  /** The page of the settings that is open: one of Azure DevOps' own, or our hub. */
  readonly page: { readonly id: string; readonly title: string }
  /** Our hub, when the open page is it. The address is absent until someone has told it. */
  readonly hub?: { readonly contributionId: string; readonly url?: string }
}

export type PersonOnPage = {
  readonly id: string
  readonly name: string
  readonly displayName: string
  readonly descriptor: string
  readonly right: 'manage' | 'use' | 'none'
}

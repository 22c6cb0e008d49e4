/** What a frame shows. Types only. */
import type { Session } from './session.ts'

export type Content = {
  readonly contributionId: string
  readonly url: string
  readonly title: string
  /** What the content reads with `getConfiguration`. */
  readonly configuration: unknown
}
export type ContentFrame = { readonly element: HTMLElement; close(): void }
export type OpenFrame = (session: Session, content: Content) => ContentFrame

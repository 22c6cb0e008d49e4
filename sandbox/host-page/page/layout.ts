/** The host page layout service: dialogs and panels above the page, and the full screen. */
import type { Content, OpenFrame } from './content.ts'
import { openDialog } from './dialog.ts'
import type { Session } from './session.ts'

type Close = (result?: unknown) => unknown
type DialogOptions = { readonly title?: string; readonly onClose?: Close; readonly configuration?: object; readonly lightDismiss?: boolean }
type MessageOptions = DialogOptions & { readonly showCancel?: boolean; readonly okText?: string; readonly cancelText?: string }
type PanelOptions = DialogOptions & { readonly description?: string; readonly size?: number }

export type Layout = ReturnType<typeof createLayout>

const panelSizes = ['small', 'medium', 'large'] as const

export function createLayout(session: Session, opener: Content, openFrame: OpenFrame) {
  /** Contents get their way to close under `dialog` or `panel` of their configuration. */
  function openContent(id: string, place: 'dialog' | 'panel', className: string, options: PanelOptions): void {
    const { title = '', onClose, lightDismiss, configuration, description } = options
    const content = contentOf(opener, id, title, { ...configuration, [place]: { close: (result: unknown) => dialog.close(result) } })
    const frame = openFrame(session, content)
    const dialog = openDialog({
      title,
      className,
      body: [...(description === undefined ? [] : [description]), frame.element],
      lightDismiss: lightDismiss ?? true,
      onClose: (result) => {
        frame.close()
        void onClose?.(result)
      },
    })
  }

  return {
    openMessageDialog(message: string, options: MessageOptions = {}): void {
      const { title = '', onClose, lightDismiss, showCancel = true, okText = 'OK', cancelText = 'Cancel' } = options
      openDialog({
        title,
        className: 'message',
        body: [message],
        buttons: [{ text: okText, result: true }, ...(showCancel ? [{ text: cancelText, result: false }] : [])],
        lightDismiss: lightDismiss ?? true,
        onClose: (result) => void onClose?.(result),
      })
    },
    openCustomDialog: (id: string, options: DialogOptions = {}): void => openContent(id, 'dialog', 'custom', options),
    openPanel(id: string, options: PanelOptions = {}): void {
      openContent(id, 'panel', `panel ${panelSizes[options.size ?? 1] ?? 'medium'}`, options)
    },
    getFullScreenMode: async (): Promise<boolean> => document.body.classList.contains('full-screen'),
    setFullScreenMode: (isFull: boolean): void => void document.body.classList.toggle('full-screen', isFull),
  }
}

/** Assumed: a content contribution `publisher.extension.NAME` is served as `NAME.html` beside the hub. */
function contentOf(opener: Content, contributionId: string, title: string, configuration: object): Content {
  const name = contributionId.split('.').at(-1) ?? ''
  return { contributionId, title: title || name, url: new URL(`${encodeURIComponent(name)}.html`, opener.url).href, configuration }
}

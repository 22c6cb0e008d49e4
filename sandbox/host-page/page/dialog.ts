/** A modal dialog, closed by its buttons, its cross, Escape, or a click beside it. */
import { button, closeButton, element } from './dom.ts'

export type DialogParts = {
  readonly title: string
  readonly className: string
  readonly body: readonly (Node | string)[]
  /** The first is the one that Enter presses. */
  readonly buttons?: readonly { readonly text: string; readonly result: unknown }[]
  /** A click beside the dialog closes it. */
  readonly lightDismiss: boolean
  readonly onClose: (result: unknown) => void
}

export function openDialog({ title, className, body, buttons = [], lightDismiss, onClose }: DialogParts): { close(result: unknown): void } {
  const heading = element('h2', {}, title)
  const actions = buttons.map(({ text, result }, index) => button(text, index === 0 ? 'primary' : '', () => close(result)))
  const dialog = element(
    'dialog',
    { class: className, 'aria-label': title },
    element(
      'header',
      {},
      heading,
      closeButton(() => close(undefined)),
    ),
    element('div', { class: 'dialog-body' }, ...body),
    ...(actions.length === 0 ? [] : [element('footer', {}, ...actions)]),
  )

  function close(result: unknown): void {
    if (!dialog.open) return
    dialog.close()
    dialog.remove()
    onClose(result)
  }

  dialog.addEventListener('cancel', (event) => {
    event.preventDefault()
    close(undefined)
  })
  dialog.addEventListener('click', (event) => {
    if (lightDismiss && event.target === dialog) close(undefined)
  })
  document.body.append(dialog)
  dialog.showModal()
  actions[0]?.focus()
  return { close }
}

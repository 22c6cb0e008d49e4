/** The global messages service: banners at the top of the page, toasts at its bottom, and dialogs. */
import type { Exposed } from './channel.ts'
import { button, byId, closeButton, element, link } from './dom.ts'
import type { Layout } from './layout.ts'

type Banner = {
  readonly level?: number
  readonly message?: string
  readonly messageFormat?: string
  readonly messageLinks?: readonly { readonly name: string; readonly href: string }[]
  readonly buttons?: readonly { readonly text?: string; readonly href?: string }[]
  readonly dismissable?: boolean
}
type Toast = {
  readonly message: string
  /** Milliseconds. */
  readonly duration: number
  readonly callToAction?: string
  readonly onCallToActionClick?: () => unknown
  readonly forceOverrideExisting?: boolean
}
type GlobalDialog = Pick<Banner, 'message' | 'messageFormat' | 'messageLinks'> & {
  readonly title?: string
  readonly contributionId?: string
  readonly contributionConfiguration?: object
  readonly onDismiss?: () => unknown
}

const levels = ['info', 'warning', 'error', 'success'] as const

export function createMessages(layout: Layout): Exposed {
  const toasts = createToasts()
  let corner: HTMLElement | undefined

  function closeDialog(): void {
    corner?.remove()
    corner = undefined
  }

  function addDialog(dialog: GlobalDialog): void {
    const { title = '', contributionId, contributionConfiguration = {}, onDismiss } = dialog
    if (contributionId !== undefined) {
      return layout.openCustomDialog(contributionId, { title, configuration: contributionConfiguration, onClose: () => onDismiss?.() })
    }
    const dismiss = (): void => {
      closeDialog()
      void onDismiss?.()
    }
    closeDialog()
    corner = element('section', { class: 'corner', 'aria-label': title }, element('h2', {}, title), closeButton(dismiss))
    corner.append(element('p', {}, ...formatted(dialog)))
    document.body.append(corner)
  }

  return {
    addBanner: (banner: Banner) => byId('banners').prepend(bannerOf(banner)),
    closeBanner: () => byId('banners').firstElementChild?.remove(),
    addToast: toasts,
    addDialog,
    closeDialog,
  }
}

/** The newest banner is on top, and is the one that `closeBanner` closes. */
function bannerOf(banner: Banner): HTMLElement {
  const level = levels[banner.level ?? 0] ?? 'info'
  const actions = (banner.buttons ?? []).map(({ text = '', href = '' }) => link(text, href, { class: 'action' }))
  const role = level === 'error' ? 'alert' : 'status'
  const made = element('div', { class: `banner ${level}`, role }, element('span', {}, ...formatted(banner)), ...actions)
  if (banner.dismissable !== false) made.append(closeButton(() => made.remove()))
  return made
}

/** The message, where `{0}` and so on stand for its links. */
function formatted({ message = '', messageFormat, messageLinks = [] }: Banner | GlobalDialog): readonly (Node | string)[] {
  if (messageFormat === undefined) return [message]
  return messageFormat.split(/\{(\d+)\}/).map((part, index) => {
    const target = index % 2 === 1 ? messageLinks[Number(part)] : undefined
    return target === undefined ? part : link(target.name, target.href)
  })
}

/** Shows one toast after the other. */
function createToasts(): (toast: Toast) => void {
  const waiting: Toast[] = []
  let endShown: (() => void) | undefined

  function showNext(): void {
    const next = waiting.shift()
    if (next === undefined) return
    const shown = toastOf(next, () => endShown?.())
    const timer = setTimeout(() => endShown?.(), next.duration)
    endShown = () => {
      clearTimeout(timer)
      shown.remove()
      endShown = undefined
      showNext()
    }
    byId('toasts').append(shown)
  }

  return (toast) => {
    if (toast.forceOverrideExisting === true) waiting.unshift(toast)
    else waiting.push(toast)
    if (endShown === undefined) showNext()
    else if (toast.forceOverrideExisting === true) endShown()
  }
}

function toastOf({ message, callToAction, onCallToActionClick }: Toast, end: () => void): HTMLElement {
  const made = element('div', { class: 'toast' }, element('span', {}, message))
  if (callToAction === undefined) return made
  made.append(
    button(callToAction, 'action', () => {
      end()
      void onCallToActionClick?.()
    }),
  )
  return made
}

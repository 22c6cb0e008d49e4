/** The content of one contribution in a frame of its own origin, and the objects that its SDK calls. */
import { createChannel } from './channel.ts'
import type { Exposed } from './channel.ts'
import type { Content, ContentFrame } from './content.ts'
import { element } from './dom.ts'
import { createServices } from './services.ts'
import type { Session } from './session.ts'

/** Real milliseconds after which a content that has not said anything is taken for lost. */
const answerMsMax = 10_000

export function openContentFrame(session: Session, content: Content): ContentFrame {
  const { url, title } = content
  const origin = new URL(url).origin
  const frame = element('iframe', { title, src: url, class: 'content-frame' })
  const notice = element('p', { class: 'notice', role: 'status' }, 'Loading')
  const root = element('div', { class: 'content-box' }, frame, notice)
  const closed = new AbortController()
  const silence = setTimeout(
    () => say(`The extension at ${url} has not answered. Check that it is served and reload this page.`),
    answerMsMax,
  )

  function say(text: string | undefined): void {
    clearTimeout(silence)
    notice.textContent = text ?? ''
    notice.hidden = text === undefined
  }

  const send = (text: string): void => frame.contentWindow?.postMessage(text, origin)
  const { objects, onHandshake } = createObjects(session, content, frame, say)
  const channel = createChannel(send, objects)
  const receive = (event: MessageEvent): void => {
    if (event.source === frame.contentWindow && event.origin === origin) channel.receive(event.data)
  }
  window.addEventListener('message', receive, { signal: closed.signal })
  onHandshake((signal) =>
    session.onThemeChanged(
      (data) => void channel.invoke('DevOps.SdkClient', 'dispatchEvent', ['themeChanged', { detail: { data } }]),
      signal,
    ),
  )
  return {
    element: root,
    close() {
      say(undefined)
      closed.abort()
      root.remove()
    },
  }
}

type Objects = {
  readonly objects: Readonly<Record<string, Exposed>>
  /** Calls back at each start of the content; the signal aborts when the content starts anew. */
  onHandshake(listener: (signal: AbortSignal) => void): void
}

function createObjects(session: Session, content: Content, frame: HTMLIFrameElement, say: (text: string | undefined) => void): Objects {
  let life = new AbortController()
  let services = createServices(session, content, openContentFrame, life.signal)
  let started: (signal: AbortSignal) => void = () => undefined

  function initialHandshake({ loaded, applyTheme }: { readonly loaded?: boolean; readonly applyTheme?: boolean } = {}): unknown {
    life.abort()
    life = new AbortController()
    services = createServices(session, content, openContentFrame, life.signal)
    started(life.signal)
    say(loaded === false ? 'Loading' : undefined)
    return {
      contributionId: content.contributionId,
      initialConfig: content.configuration,
      context: contextOf(session),
      ...(applyTheme !== false && { themeData: session.theme().values }),
    }
  }

  const hostControl = {
    initialHandshake,
    notifyLoadSucceeded: () => say(undefined),
    notifyLoadFailed: (error: unknown) => say(`The extension could not start: ${messageOf(error)}`),
    getAccessToken: () => session.token('access-token'),
    getAppToken: () => session.token('app-token'),
    resize: (width: unknown, height: unknown) => resize(frame, width, height),
  }
  const getService = (id: unknown): Exposed => {
    const service = services.get(String(id))
    if (service === undefined) throw new Error(`The page has no service ${String(id)}.`)
    return service
  }
  return {
    objects: { 'DevOps.HostControl': hostControl, 'DevOps.ServiceManager': { getService } },
    onHandshake: (listener) => (started = listener),
  }
}

/** What the SDK answers its questions about user, host, project and team from. */
function contextOf({ data, person, theme }: Session): unknown {
  const { team, ...project } = data.project ?? {}
  const explicitTheme = theme().name
  return {
    extension: data.extension,
    user: { id: person.id, descriptor: person.descriptor, name: person.name, displayName: person.displayName, imageUrl: '' },
    // 4 is an organization.
    host: { id: data.organization.id, name: data.organization.name, serviceVersion: 'Sandbox', type: 4, isHosted: true },
    pageContext: {
      webContext: data.project === undefined ? {} : { project, team },
      globalization: {
        culture: navigator.language,
        explicitTheme,
        theme: explicitTheme,
        timeZoneId: Intl.DateTimeFormat().resolvedOptions().timeZone,
        timezoneOffset: -new Date().getTimezoneOffset() * 60_000,
        typeAheadDisabled: false,
      },
      timeZonesConfiguration: { daylightSavingsAdjustments: [{ offset: 0, start: new Date(new Date().getFullYear(), 0, 1) }] },
    },
  }
}

function resize(frame: HTMLIFrameElement, width: unknown, height: unknown): void {
  // A hub fills its page; a dialog takes the size that its content asks for, within the window.
  if (frame.closest('dialog') === null) return
  if (typeof width === 'number') frame.style.width = `min(${width}px, 90vw)`
  if (typeof height === 'number') frame.style.height = `min(${height}px, 70vh)`
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error)
}

/** What just happened, in the corner of the page and for screen readers. It takes no focus. */
import { MessageBar, MessageBarSeverity } from 'azure-devops-ui/MessageBar'
import { useCallback, useEffect, useState, type ReactElement } from 'react'
import { browserClock } from '../clock.ts'
import type { Hub } from '../context.ts'

type News = { readonly message: string; readonly tone: 'info' | 'error' }

const shownMs = 12_000

type Announcing = { readonly news: News | undefined; readonly say: Hub['say']; readonly dismiss: () => void }

export function useAnnouncer(): Announcing {
  const [news, setNews] = useState<News | undefined>()
  useEffect(() => (news === undefined ? undefined : browserClock.after(shownMs, () => setNews(undefined))), [news])
  return {
    news,
    say: useCallback((message, tone = 'info') => setNews({ message, tone }), []),
    dismiss: useCallback(() => setNews(undefined), []),
  }
}

type Props = { readonly news: News | undefined; readonly onDismiss: () => void }

export function Announcer({ news, onDismiss }: Props): ReactElement {
  return (
    <div className="hub-news" aria-live="polite">
      {news !== undefined && (
        <MessageBar severity={news.tone === 'error' ? MessageBarSeverity.Error : MessageBarSeverity.Info} onDismiss={onDismiss}>
          {news.message}
        </MessageBar>
      )}
    </div>
  )
}

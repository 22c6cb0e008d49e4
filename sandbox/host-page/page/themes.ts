/**
 * Azure DevOps' CSS variables for a theme, calculated from a few colours. The names are those that azure-devops-ui uses;
 * a test compares them. Values are ours and near the real ones only where those are known (light).
 */

export type Theme = Readonly<Record<string, string>>
export type ThemeName = 'light' | 'dark' | 'high-contrast'

type Rgb = readonly [number, number, number]
type Hue = { readonly light: Rgb; readonly main: Rgb; readonly dark: Rgb; readonly text: Rgb }
type Look = {
  readonly text: Rgb
  readonly page: Rgb
  /** What floats above the page: callouts, menus, dialogs. */
  readonly surface: Rgb
  readonly primary: Rgb
  /** Buttons and selected things; text on them. */
  readonly accent: Rgb
  readonly onAccent: Rgb
  /** Links. */
  readonly link: Rgb
  readonly red: Hue
  readonly green: Hue
  readonly orange: Hue
  /** How strong secondary text, disabled text, subtle borders and splitters are. */
  readonly alphas: { readonly secondary: number; readonly disabled: number; readonly border: number; readonly splitter: number }
}

const white: Rgb = [255, 255, 255]
const black: Rgb = [0, 0, 0]
const blue: Rgb = [0, 120, 212]

const looks: Readonly<Record<ThemeName, Look>> = {
  light: {
    text: black,
    page: white,
    surface: white,
    primary: blue,
    accent: blue,
    onAccent: white,
    link: [0, 90, 158],
    red: { light: [249, 235, 235], main: [205, 74, 69], dark: [168, 0, 0], text: [218, 10, 0] },
    green: { light: [223, 246, 221], main: [16, 124, 16], dark: [16, 124, 16], text: [16, 124, 16] },
    orange: { light: [251, 242, 236], main: [214, 127, 60], dark: [171, 102, 48], text: [184, 94, 6] },
    alphas: { secondary: 0.55, disabled: 0.38, border: 0.08, splitter: 0.42 },
  },
  dark: {
    text: white,
    page: [32, 31, 30],
    surface: [45, 44, 43],
    primary: blue,
    accent: blue,
    onAccent: white,
    link: [98, 171, 245],
    red: { light: [68, 39, 38], main: [241, 112, 123], dark: [241, 112, 123], text: [248, 138, 142] },
    green: { light: [33, 61, 33], main: [98, 189, 98], dark: [98, 189, 98], text: [146, 210, 110] },
    orange: { light: [67, 53, 25], main: [250, 157, 45], dark: [252, 185, 100], text: [252, 185, 100] },
    alphas: { secondary: 0.7, disabled: 0.45, border: 0.1, splitter: 0.5 },
  },
  'high-contrast': {
    text: white,
    page: black,
    surface: black,
    primary: [26, 235, 255],
    accent: [26, 235, 255],
    onAccent: black,
    link: [255, 255, 0],
    red: { light: black, main: [255, 128, 128], dark: [255, 128, 128], text: [255, 128, 128] },
    green: { light: black, main: [63, 242, 63], dark: [63, 242, 63], text: [63, 242, 63] },
    orange: { light: black, main: [255, 200, 87], dark: [255, 200, 87], text: [255, 200, 87] },
    alphas: { secondary: 1, disabled: 0.7, border: 0.8, splitter: 1 },
  },
}

export function themeOf(name: ThemeName): Theme {
  const look = looks[name]
  return { ...palette(look), ...statuses(look), ...surfaces(look), ...components(look), ...navigation(look) }
}

/** Scales from the page's colour to the text's and around the primary colour. Scales are bare triples, for rgba(). */
const deepRed = [168, 0, 0] as const

function palette({ text, page, primary, onAccent, red, green, orange }: Look): Theme {
  // Buttons write on it with the colour that is on accents.
  const danger = onAccent === white ? deepRed : red.dark
  const scale = (name: string, steps: readonly number[], value: (step: number) => string): Theme =>
    Object.fromEntries(steps.map((step) => [`palette-${name}-${step}`, value(step)]))
  const tints: readonly (readonly [number, number])[] = [
    [10, 0.17],
    [20, 0.78],
    [30, 0.87],
    [40, 0.94],
  ]
  const hues = Object.entries({ accent1: red, accent2: green, accent3: orange }).flatMap(([name, hue]) => [
    [`palette-${name}-light`, triple(hue.light)],
    [`palette-${name}`, triple(hue.main)],
    [`palette-${name}-dark`, triple(hue.dark)],
  ])
  return {
    'palette-primary': triple(primary),
    ...scale('primary-shade', [10, 20, 30], (step) => triple(mix(primary, text, step / 80))),
    ...scale('primary-darkened', [6, 10], (step) => triple(mix(primary, text, step / 60))),
    ...scale('primary-darken', [6, 10], (step) => solid(mix(primary, text, step / 60))),
    ...Object.fromEntries(tints.map(([step, share]) => [`palette-primary-tint-${step}`, triple(mix(primary, page, share))])),
    ...scale('neutral', [0, 2, 4, 6, 8, 10, 20, 30, 60, 70, 80, 100], (step) => triple(mix(page, text, step / 100))),
    ...scale('black-alpha', [0, 2, 4, 6, 8, 10, 20, 30, 60, 70, 80, 100], (step) => alpha(text, step / 100)),
    'palette-error': solid(danger),
    ...scale('error', [6, 10], (step) => solid(mix(danger, text, step / 100))),
    ...Object.fromEntries(hues),
  }
}

function statuses({ red, green, orange, link, accent, onAccent, text, page }: Look): Theme {
  return {
    'communication-foreground': solid(link),
    'communication-background': solid(accent),
    'text-on-communication-background': solid(onAccent),
    'status-error-foreground': solid(red.main),
    'status-error-background': solid(red.light),
    'status-error-text': solid(red.text),
    'status-error-strong': solid(red.dark),
    'status-info-foreground': solid(accent),
    'status-info-background': solid(accent),
    'status-success-foreground': solid(green.main),
    'status-success-background': solid(green.light),
    'status-success-text': solid(green.text),
    'status-warning-icon-foreground': solid(orange.dark),
    'status-warning-foreground': solid(orange.main),
    'status-warning-background': solid(orange.light),
    'status-warning-text': solid(orange.text),
    'component-status-success': solid(green.main),
    'component-status-error': solid(red.main),
    'component-status-warning': solid(orange.main),
    'component-status-info': solid(accent),
    'component-status-neutral': solid(mix(page, text, 0.6)),
  }
}

function surfaces({ text, page, surface, accent, alphas }: Look): Theme {
  return {
    'background-color': solid(page),
    'text-primary-color': alpha(text, 0.9),
    'text-secondary-color': alpha(text, alphas.secondary),
    'text-disabled-color': alpha(text, alphas.disabled),
    'border-subtle-color': alpha(text, alphas.border),
    'splitter-border-color': alpha(text, alphas.splitter),
    'callout-background-color': solid(surface),
    'callout-filtered-background-color': alpha(surface, 0.86),
    'callout-shadow-color': alpha(black, 0.132),
    'callout-shadow-secondary-color': alpha(black, 0.108),
    'panel-shadow-color': alpha(black, 0.22),
    'panel-shadow-secondary-color': alpha(black, 0.18),
    'focus-pulse-max-color': alpha(accent, 0.23),
    'focus-pulse-min-color': alpha(accent, 0.15),
    'focus-border-color': solid(accent),
    'third-party-icon-filter': page === white ? 'none' : 'invert(1)',
  }
}

function components({ text, page, primary, accent, link, red, alphas }: Look): Theme {
  const [hover, raised, selected] = [mix(page, text, 0.08), mix(page, text, 0.04), mix(primary, page, 0.8)]
  return {
    'icon-folder-color': solid(mix([220, 182, 122], text, 0.1)),
    'component-menu-selected-item-background': solid(raised),
    'component-errorBoundary-border-color': solid(red.main),
    'component-errorBoundary-background-color': solid(red.light),
    'component-grid-row-hover-color': alpha(text, 0.04),
    'component-grid-selected-row-color': solid(selected),
    'component-grid-focus-border-color': solid(accent),
    'component-grid-link-selected-row-color': solid(link),
    'component-grid-link-hover-color': solid(link),
    'component-grid-action-hover-color': solid(hover),
    'component-grid-action-selected-cell-hover-color': solid(selected),
    'component-grid-cell-bottom-border-color': alpha(text, alphas.border),
    'component-grid-drag-source-color': alpha(page, 0.4),
    'component-label-default-color': solid(raised),
    'component-label-default-color-hover': solid(hover),
    'component-htmlEditor-background-color': solid(page),
    'component-htmlEditor-foreground-color': alpha(text, 0.9),
    'diff-color-original': alpha(red.main, 0.1),
    'diff-color-modified': alpha([51, 153, 51], 0.1),
    'search-match-background': alpha([255, 255, 0], 0.6),
    'search-selected-match-background': alpha([245, 139, 31], 0.8),
    'build-output-error-color': solid(red.main),
  }
}

function navigation({ text, page, link, alphas }: Look): Theme {
  const texts = (place: string): Theme => ({
    [`nav-${place}-text-primary-color`]: alpha(text, 0.9),
    [`nav-${place}-text-secondary-color`]: alpha(text, alphas.secondary),
  })
  return {
    ...texts('header'),
    ...texts('vertical'),
    'nav-header-background': solid(page),
    'nav-header-item-hover-background': alpha(text, 0.04),
    'nav-header-active-item-background': alpha(text, 0.08),
    'nav-header-text-disabled-color': alpha(text, alphas.disabled),
    'nav-header-product-color': solid(link),
    'nav-vertical-background-color': alpha(text, 0.08),
    'nav-vertical-item-hover-background': alpha(text, 0.08),
    'nav-vertical-active-group-background': alpha(text, 0.08),
    'nav-vertical-active-item-background': alpha(text, 0.2),
  }
}

/** `share` of the way from one colour to the other. */
function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const part = (index: 0 | 1 | 2): number => Math.round(from[index] + (to[index] - from[index]) * share)
  return [part(0), part(1), part(2)]
}

function triple(rgb: Rgb): string {
  return rgb.join(', ')
}

function solid(rgb: Rgb): string {
  return alpha(rgb, 1)
}

function alpha(rgb: Rgb, opacity: number): string {
  return `rgba(${triple(rgb)}, ${opacity})`
}

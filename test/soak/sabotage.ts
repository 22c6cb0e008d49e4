export type SabotageResult = Readonly<Record<string, { readonly caught: boolean; readonly seed?: number; readonly after: number }>>
export async function runSabotage(): Promise<SabotageResult> { return {} }
export function sabotageText(_result: SabotageResult): string { return '' }

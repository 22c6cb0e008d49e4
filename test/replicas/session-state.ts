/** What a statement leaves in its session, where no later one finds it behind a pooler. */
const kept = [
  /^\s*\w+: /, // a name of its own
  /^\s*(prepare|execute|declare|fetch|listen|unlisten|load|discard|reset)\b/i,
  /^\s*set\s+(?!local\b)/i,
  /^\s*create\s+(local\s+)?temp/i,
  /\bpg_(try_)?advisory_(?!xact_)(lock|unlock)/i,
  /\b(currval|lastval)\s*\(/i,
  /\bset_config\s*\(/i,
]

export function leavesState(statement: string): boolean {
  return statement.split(';').some((part) => kept.some((pattern) => pattern.test(part)))
}

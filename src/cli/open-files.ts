/**
 * How many files this process may have open. Node raises the soft limit to the hard one when it starts, so the soft
 * limit that is read here is the one that counts.
 */
import { readFileSync } from 'node:fs'

/** Infinity where there is no limit or the limit cannot be read. */
export function openFileLimit(): number {
  return fromProc() ?? fromReport() ?? Infinity
}

/** Linux. */
function fromProc(): number | undefined {
  try {
    return parsed(/^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])
  } catch {
    return undefined
  }
}

/** macOS and others; absent on Windows. */
function fromReport(): number | undefined {
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits?: { open_files?: { soft?: number | string } }
  }
  return parsed(userLimits?.open_files?.soft)
}

function parsed(limit: number | string | undefined): number | undefined {
  if (limit === 'unlimited') return Infinity
  const files = Number(limit)
  return Number.isInteger(files) && files > 0 ? files : undefined
}

/**
 * Finds and runs client programs that npm does not install. If a program is missing, the error says which Debian package
 * to install.
 */
import { execFile } from 'node:child_process'

export interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Milliseconds after which a client that has not ended is stopped. */
const PATIENCE_MS = 60_000

/** Rejects only if the program could not be started. */
export function runClient(program: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: PATIENCE_MS, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      // `code` is a text if no process could be started, and null if a signal ended it.
      const code: unknown = error === null ? 0 : error.code
      if (typeof code === 'string') reject(new Error(`${program} does not start: ${code}`, { cause: error }))
      else resolve({ exitCode: typeof code === 'number' ? code : -1, stdout, stderr })
    })
  })
}

/** Returns the first program for which `probe` succeeds. Throws what to install if there is none. */
export async function findClient(
  programs: readonly string[],
  probe: readonly string[],
  debianPackage: string,
): Promise<string> {
  const tried: string[] = []
  for (const program of programs) {
    try {
      const { exitCode, stderr } = await runClient(program, probe)
      if (exitCode === 0) return program
      tried.push(`${program}: ${stderr.trim().split('\n').at(-1) ?? ''}`)
    } catch (error) {
      tried.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new Error(
    `this test needs the Debian package ${debianPackage}: apt-get install ${debianPackage}\n${tried.join('\n')}`,
  )
}

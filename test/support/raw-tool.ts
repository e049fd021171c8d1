/**
 * A tool that answers every request with the same raw bytes, and may close the connection after them.
 */
import { byteTool } from './byte-tool.ts'

export interface RawTool extends AsyncDisposable {
  readonly url: string
  /** The bytes of the answer, one character each (latin1). */
  says: string
  /** Whether the tool closes the connection after the answer. */
  closes: boolean
}

export async function rawTool(says = '', closes = false): Promise<RawTool> {
  const tool = await byteTool((socket) => {
    socket.write(Buffer.from(raw.says, 'latin1'))
    if (raw.closes) socket.end()
  })
  const raw: RawTool = {
    url: tool.url,
    says,
    closes,
    [Symbol.asyncDispose]: () => tool[Symbol.asyncDispose](),
  }
  return raw
}

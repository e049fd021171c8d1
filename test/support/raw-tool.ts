/**
 * A tool that says bytes, whatever they are: the same to every request, and then it may close.
 */
import { byteTool } from './byte-tool.ts'

export interface RawTool extends AsyncDisposable {
  readonly url: string
  /** One character a byte (latin1). */
  says: string
  /** Closes the connection after that. */
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

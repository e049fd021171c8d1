/**
 * Where Spillway does otherwise than the table asks, and why that stands. The cases stay as they are: docs/conformance.md
 * counts them, and a test fails when one of them is kept after all, so that it leaves this list.
 */

const NO_OTHER_WAY = "node:http's parser takes it for HTTP/1.x and does not tell"

export const KNOWN: ReadonlyMap<string, string> = new Map([
  ['chunked with a tab behind it', "node:http's parser takes the tab for a part of the coding"],
  ['a bare CR before the request', "node:http's parser skips it like an empty line, which hides nothing"],
  ['version RTSP/1.0', NO_OTHER_WAY],
  ['the version of RTSP with a method of RTSP', NO_OTHER_WAY],
  ['the version of Icecast with its method', NO_OTHER_WAY],
  ['the status line HTTP/2.0 200 OK', 'undici does not tell the version of an answer'],
  ['the status line HTTP/0.9 200 OK', 'undici does not tell the version of an answer'],
])

/** The same of Node before 24, whose parser is an older one; docs/conformance.md is of 24. */
export const KNOWN_BEFORE_24: ReadonlyMap<string, string> = new Map([
  ['Content-Length with a tab behind it', 'the parser takes the tab for a part of the length'],
])

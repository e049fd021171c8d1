/**
 * The known violations of Spillway, each with the reason why it is not mended. Their cases stay in the table, and
 * docs/conformance.md counts them as violations. A test fails if a case in this list passes, so that the entry is removed.
 */

const NO_OTHER_WAY = "node:http's parser reads it as HTTP/1.x and does not report the protocol"

export const KNOWN: ReadonlyMap<string, string> = new Map([
  ['chunked with a tab after it', "node:http's parser reads the tab as part of the coding"],
  [
    'a bare CR before the request',
    "node:http's parser skips it like an empty line, and no bytes of the request are hidden by that",
  ],
  ['version RTSP/1.0', NO_OTHER_WAY],
  ['the version of RTSP with a method of RTSP', NO_OTHER_WAY],
  ['the version of Icecast with its method', NO_OTHER_WAY],
  ['the status line HTTP/2.0 200 OK', 'undici does not report the version of an answer'],
  ['the status line HTTP/0.9 200 OK', 'undici does not report the version of an answer'],
])

/** Known violations on Node before 24 only, which has an older parser. docs/conformance.md is written with Node 24. */
export const KNOWN_BEFORE_24: ReadonlyMap<string, string> = new Map([
  ['Content-Length with a tab after it', 'the parser reads the tab as part of the length'],
])

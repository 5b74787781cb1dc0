// The host functions of weft_v1, and how their answers are fetched.
//
// This file is private to the library.

// @ts-ignore: decorator
@external("weft_v1", "ctx_get")
export declare function ctx_get(field: i32, ptr: usize, cap: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "state_get")
export declare function state_get(coll: usize, collLen: i32, key: usize, keyLen: i32, ptr: usize, cap: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "state_get_multi")
export declare function state_get_multi(coll: usize, collLen: i32, keys: usize, keysLen: i32, ptr: usize, cap: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "state_hash")
export declare function state_hash(coll: usize, collLen: i32, key: usize, keyLen: i32, ptr: usize, cap: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "state_put")
export declare function state_put(coll: usize, collLen: i32, key: usize, keyLen: i32, val: usize, valLen: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "state_del")
export declare function state_del(coll: usize, collLen: i32, key: usize, keyLen: i32, mode: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "meta_get")
export declare function meta_get(coll: usize, collLen: i32, key: usize, keyLen: i32, name: usize, nameLen: i32, ptr: usize, cap: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "meta_put")
export declare function meta_put(coll: usize, collLen: i32, key: usize, keyLen: i32, name: usize, nameLen: i32, val: usize, valLen: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "range_open")
export declare function range_open(coll: usize, collLen: i32, start: usize, startLen: i32, end: usize, endLen: i32, flags: i32, page: i32, bookmark: usize, bookmarkLen: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "query_open")
export declare function query_open(coll: usize, collLen: i32, query: usize, queryLen: i32, page: i32, bookmark: usize, bookmarkLen: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "history_open")
export declare function history_open(key: usize, keyLen: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "iter_next")
export declare function iter_next(handle: i32, ptr: usize, cap: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "iter_meta")
export declare function iter_meta(handle: i32, ptr: usize, cap: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "iter_close")
export declare function iter_close(handle: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "cc_call")
export declare function cc_call(name: usize, nameLen: i32, args: usize, argsLen: i32, channel: usize, channelLen: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "event_set")
export declare function event_set(name: usize, nameLen: i32, payload: usize, payloadLen: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "response_set")
export declare function response_set(status: i32, msg: usize, msgLen: i32, payload: usize, payloadLen: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "result_read")
export declare function result_read(off: i32, ptr: usize, len: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "error_read")
export declare function error_read(ptr: usize, cap: i32): i32;
// @ts-ignore: decorator
@external("weft_v1", "log")
export declare function log_line(level: i32, msg: usize, msgLen: i32): void;
// @ts-ignore: decorator
@external("weft_v1", "abort")
export declare function abort_with(msg: usize, msgLen: i32): void;

/** Where outputs land first; what is longer takes a second call. */
export const FIRST: i32 = 1024;
// @ts-ignore: decorator
@lazy export const first: usize = memory.data(1024);

/** Copies an output of n bytes, from the first buffer or from the host. */
export function fetched(n: i32): Uint8Array {
  const out = new Uint8Array(n);
  if (n <= FIRST) memory.copy(out.dataStart, first, n);
  else result_read(0, out.dataStart, n);
  return out;
}

/** The same of an output that is text. */
export function fetchedText(n: i32): string {
  return n <= FIRST ? String.UTF8.decodeUnsafe(first, n) : fromUTF8(fetched(n));
}

/** The first thing that went wrong in this transaction. */
export let errorCode: i32 = 0;
export let errorText: string = "";
export let errorStatus: i32 = 500;

export function stick(code: i32, text: string): void {
  if (errorCode != 0) return; // the first one explains the others
  errorCode = code;
  errorText = text;
}

export function setStatus(status: i32): void {
  errorStatus = status < 400 ? 400 : status;
}

export function clear(): void {
  errorCode = 0;
  errorText = "";
  errorStatus = 500;
}

/** Whether the host did it; a refusal sticks, with its text. */
export function ok(answer: i32): bool {
  if (answer >= 0) return true;
  const n = error_read(first, FIRST);
  stick(answer, n < 0 ? "the host refused and gave no reason" : fromUTF8(fetched(n)));
  return false;
}

export const NOT_FOUND: i32 = -1;

/** An output that may not be there, which is no error. */
export function found(answer: i32): Uint8Array | null {
  if (answer == NOT_FOUND || !ok(answer)) return null;
  return fetched(answer);
}

export function field(f: i32): Uint8Array {
  const n = ctx_get(f, first, FIRST);
  return ok(n) ? fetched(n) : new Uint8Array(0);
}

/** Text as bytes. */
export function utf8(text: string): Uint8Array {
  return Uint8Array.wrap(String.UTF8.encode(text));
}

/** Bytes as text. */
export function fromUTF8(b: Uint8Array): string {
  return String.UTF8.decodeUnsafe(b.dataStart, b.length);
}

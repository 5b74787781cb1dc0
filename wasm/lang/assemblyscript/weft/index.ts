/**
 * Write Weft chaincode in AssemblyScript.
 *
 * A chaincode registers one function, which is called once for each transaction,
 * and passes on the exports that the host looks for:
 *
 *     import { register, Tx, utf8 } from "weft";
 *     export { weft_abi, cc_init, cc_invoke } from "weft";
 *
 *     register((tx: Tx): Uint8Array | null => {
 *       if (tx.name == "get") return tx.get(tx.arg(1));
 *       if (tx.name == "put") tx.put(tx.arg(1), tx.args[2]);
 *       else tx.fail("usage: get KEY | put KEY VALUE");
 *       return null;
 *     });
 *
 * What the function returns is the response's payload; null is none. What holds
 * for every transaction:
 *
 * - Memory is as it was after the chaincode's start: nothing that a transaction
 *   leaves in a global is seen by another one, and nothing is freed meanwhile.
 * - Reads answer what is committed, never what this transaction has written.
 * - A thrown error ends the transaction; tx.fail is how a chaincode says no.
 * - There is no clock, randomness, file or network but what Tx offers.
 */
import * as host from "./host";
import { Tx } from "./tx";

export { compositeKey, splitCompositeKey } from "./key";
export { add, canAdd, canMul, canSub, mul, parseWhole, sub } from "./number";
export { Range } from "./range";
export { Collection, Response, Tx } from "./tx";
export { fromUTF8, utf8 } from "./host";

export enum Level {
  Debug,
  Info,
  Warning,
  Error,
}

/** Writes a line to the chaincode log of this peer. It changes no result. */
export function log(level: Level, text: string): void {
  const b = host.utf8(text);
  host.log_line(level, b.dataStart, b.length);
}

let contract: ((tx: Tx) => Uint8Array | null) | null = null;

/** Sets what runs for each transaction. */
export function register(invoke: (tx: Tx) => Uint8Array | null): void {
  contract = invoke;
}

/** The ABI's version: major 1, minor 0. */
export function weft_abi(): i32 {
  return 1 << 16;
}

/** Called once, when the chaincode is installed. */
export function cc_init(): i32 {
  return contract === null ? 1 : 0;
}

/** Called for each transaction. */
export function cc_invoke(flags: i32): i32 {
  host.clear(); // warm-up calls leave theirs
  const payload = contract!(new Tx(flags));
  if (host.errorCode != 0) {
    const text = host.utf8(host.errorText);
    return host.response_set(host.errorStatus, text.dataStart, text.length, 0, 0);
  }
  if (payload === null) return host.response_set(200, 0, 0, 0, 0);
  return host.response_set(200, 0, 0, payload.dataStart, payload.length);
}

// What throw, assert and indices out of bounds come to; the build names it to
// the compiler.
// @ts-ignore: decorator
@global
export function weft_abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const what = message === null ? "aborted" : message;
  const where = file === null ? "" : " in " + file + ":" + line.toString() + ":" + column.toString();
  const text = host.utf8(what + where);
  host.abort_with(text.dataStart, text.length);
  unreachable(); // abort does not come back
}

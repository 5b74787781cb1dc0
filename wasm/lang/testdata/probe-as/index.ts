// Calls what the library offers; its sisters in other languages answer alike.
import { compositeKey, fromUTF8, Level, log, Range, register, splitCompositeKey, Tx, utf8 } from "weft";
export { weft_abi, cc_init, cc_invoke } from "weft";

register((tx: Tx): Uint8Array | null => {
  const text = answer(tx);
  return text.length == 0 ? null : utf8(text);
});

function show(value: Uint8Array | null): string {
  return value === null ? "-" : fromUTF8(value);
}

function number(tx: Tx, i: i32): i32 {
  return I32.parseInt(tx.arg(i));
}

function slashes(key: string): string {
  return key.replaceAll("\0", "/");
}

function page(r: Range): string {
  const bookmark = r.bookmark();
  const keys: string[] = [];
  while (r.next()) keys.push(slashes(r.key));
  return keys.join(",") + "|" + slashes(bookmark);
}

function count(r: Range): string {
  let n = 0;
  while (r.next()) n++;
  return n.toString();
}

function answer(tx: Tx): string {
  const f = tx.name;
  if (f == "ctx") {
    return `${tx.id} ${tx.channel} ${tx.chaincode} ${tx.peerMspId} ${tx.isInit} ${tx.isReadOnly} ${tx.seconds}.${tx.nanos} ` +
      `${tx.creatorMspId} ${tx.creatorCertificate.substring(0, 27)} ${tx.binding.length} ${tx.signedProposal.length}`;
  }
  if (f == "args") {
    const sizes: string[] = [];
    for (let i = 0; i < tx.args.length; i++) sizes.push(tx.args[i].length.toString());
    return sizes.join(",");
  }
  if (f == "transient") return show(tx.transient(tx.arg(1)));
  if (f == "getall") {
    const keys: string[] = [];
    for (let i = 1; i < tx.args.length; i++) keys.push(tx.arg(i));
    const values = tx.getAll(keys);
    const shown: string[] = [];
    for (let i = 0; i < values.length; i++) shown.push(show(values[i]));
    return shown.join(",");
  }
  if (f == "fill") {
    const value = new Uint8Array(number(tx, 2)).fill(0x78);
    for (let i = 0; i < number(tx, 1); i++) {
      tx.put(`key${1000 + i}`, value);
      tx.putText(compositeKey("kind", ["a", (1000 + i).toString()]), "1");
    }
    return "";
  }
  if (f == "sum") {
    let n = 0;
    let bytes = 0;
    const r = tx.range(tx.arg(1), tx.arg(2));
    while (r.next()) {
      n++;
      bytes += r.key.length + r.value.length;
    }
    return `${n} ${bytes}`;
  }
  if (f == "page") return page(tx.page(tx.arg(1), tx.arg(2), number(tx, 3), tx.arg(4)));
  if (f == "pagecomposite") return page(tx.pageComposite(tx.arg(1), [tx.arg(2)], number(tx, 3), tx.arg(4)));
  if (f == "key") {
    const key = compositeKey(tx.arg(1), [tx.arg(2), tx.arg(3)]);
    return `${splitCompositeKey(key).join(",")} of ${utf8(key).length}`;
  }
  if (f == "refused") {
    tx.putText("", "1");
    return "";
  }
  if (f == "recovered") {
    tx.putText("", "1");
    const said = `${tx.errorCode} ${tx.errorText}`;
    tx.clearError();
    return said;
  }
  if (f == "call") {
    const r = tx.call(tx.arg(1), [tx.args[2], tx.args[3]]);
    return r === null ? "" : `${r.status} ${r.message} ${show(r.payload)}`;
  }
  if (f == "fail") {
    tx.fail(tx.arg(2), number(tx, 1));
    return "";
  }
  if (f == "get") return show(tx.get(tx.arg(1)));
  if (f == "del") {
    tx.delete(tx.arg(1));
    return "";
  }
  if (f == "event") {
    tx.event("first", utf8("1"));
    tx.event(tx.arg(1), tx.args[2]);
    log(Level.Info, "an event");
    return "";
  }
  if (f == "private") return show(tx.collection("secrets").get("a"));
  if (f == "history") return count(tx.history("key1000"));
  if (f == "query") return count(tx.query("{}"));
  if (f == "trap") throw new Error("it traps");
  tx.fail("?");
  return "";
}

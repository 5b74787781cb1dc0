// A register of assets: who owns what, and what it is worth.
//
// An asset lies under its id, as "VALUE OWNER". A second, composite key,
// owner~id, lets one list the assets of an owner without reading all.
//
// Move is the smallest transfer: two reads, two writes, and nothing else. What a
// call costs is measured with it.
import { canAdd, register, splitCompositeKey, Tx, utf8 } from "weft";
import { Asset, isName, load, OWNED, parseValue } from "./asset";

export { weft_abi, cc_init, cc_invoke } from "weft";

register(invoke);

function invoke(tx: Tx): Uint8Array | null {
  const name = tx.name;
  if (name == "Create") return exactly(tx, 3, "Create ID OWNER VALUE") ? create(tx) : null;
  if (name == "Read") return exactly(tx, 1, "Read ID") ? read(tx) : null;
  if (name == "Update") return exactly(tx, 2, "Update ID VALUE") ? update(tx) : null;
  if (name == "Transfer") return exactly(tx, 2, "Transfer ID NEWOWNER") ? transfer(tx) : null;
  if (name == "Delete") return exactly(tx, 1, "Delete ID") ? remove(tx) : null;
  if (name == "Move") return exactly(tx, 3, "Move FROM TO AMOUNT") ? move(tx) : null;
  if (name == "List") return exactly(tx, 2, "List START END") ? list(tx) : null;
  if (name == "Owned") return exactly(tx, 1, "Owned OWNER") ? owned(tx) : null;
  if (name == "WhoAmI") return exactly(tx, 0, "WhoAmI") ? whoAmI(tx) : null;
  return tx.fail("there is no such function; there are Create, Read, Update, Transfer, Delete, Move, List, Owned and WhoAmI");
}

function exactly(tx: Tx, n: i32, usage: string): bool {
  if (tx.argCount == n + 1) return true;
  tx.fail("usage: " + usage);
  return false;
}

function create(tx: Tx): Uint8Array | null {
  const asset = new Asset(tx.arg(1), tx.arg(2), 0);
  if (!isName(tx, asset.id) || !isName(tx, asset.owner)) return null;
  asset.value = parseValue(tx, tx.arg(3));
  if (tx.failed) return null;
  if (tx.get(asset.id) !== null) return tx.fail(`asset ${asset.id} exists already`);
  asset.put(tx);
  asset.index(tx);
  return asset.announce(tx, "Create");
}

function read(tx: Tx): Uint8Array | null {
  const asset = load(tx, tx.arg(1));
  return asset === null ? null : utf8(asset.json());
}

function update(tx: Tx): Uint8Array | null {
  const asset = load(tx, tx.arg(1));
  if (asset === null) return null;
  asset.value = parseValue(tx, tx.arg(2));
  if (tx.failed) return null;
  asset.put(tx);
  return asset.announce(tx, "Update");
}

function transfer(tx: Tx): Uint8Array | null {
  const asset = load(tx, tx.arg(1));
  const owner = tx.arg(2);
  if (asset === null || !isName(tx, owner)) return null;
  asset.unindex(tx);
  asset.owner = owner;
  asset.put(tx);
  asset.index(tx);
  return asset.announce(tx, "Transfer");
}

function remove(tx: Tx): Uint8Array | null {
  const asset = load(tx, tx.arg(1));
  if (asset === null) return null;
  tx.delete(asset.id);
  asset.unindex(tx);
  asset.announce(tx, "Delete");
  return null;
}

function move(tx: Tx): Uint8Array | null {
  if (tx.arg(1) == tx.arg(2)) return tx.fail("an asset cannot move value to itself");
  const from = load(tx, tx.arg(1));
  if (from === null) return null;
  const to = load(tx, tx.arg(2));
  if (to === null) return null;
  const amount = parseValue(tx, tx.arg(3));
  if (tx.failed) return null;
  if (from.value < amount) return tx.fail(`asset ${from.id} is worth ${from.value}, less than ${amount}`);
  if (!canAdd(to.value, amount)) return tx.fail(`asset ${to.id} would be worth more than a value can be`);
  from.value -= amount;
  to.value += amount;
  from.put(tx);
  to.put(tx);
  return null;
}

function list(tx: Tx): Uint8Array | null {
  const found: string[] = [];
  const range = tx.range(tx.arg(1), tx.arg(2));
  while (range.next()) {
    const asset = Asset.parse(tx, range.key, range.text);
    if (asset === null) return null;
    found.push(asset.json());
  }
  return utf8("[" + found.join(",") + "]");
}

function owned(tx: Tx): Uint8Array | null {
  if (!isName(tx, tx.arg(1))) return null;
  const found: string[] = [];
  const range = tx.rangeComposite(OWNED, [tx.arg(1)]);
  while (range.next()) {
    const parts = splitCompositeKey(range.key);
    const asset = load(tx, parts[parts.length - 1]);
    if (asset === null) return null;
    found.push(asset.json());
  }
  return utf8("[" + found.join(",") + "]");
}

function whoAmI(tx: Tx): Uint8Array | null {
  return utf8(`{"msp":"${tx.creatorMspId}","channel":"${tx.channel}","tx":"${tx.id}","seconds":${tx.seconds}}`);
}

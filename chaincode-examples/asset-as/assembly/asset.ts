import { compositeKey, parseWhole, Tx, utf8 } from "weft";

/** Object type of the keys owner~id. */
export const OWNED = "owner";

const MAX_NAME = 64;

/** Ids and owners need no escaping, neither in keys nor in JSON. */
export function isName(tx: Tx, name: string): bool {
  let good = name.length > 0 && name.length <= MAX_NAME;
  for (let i = 0; good && i < name.length; i++) good = fits(name.charCodeAt(i));
  if (!good) tx.fail("an id or owner is 1 to 64 letters, digits, spaces or . _ - @");
  return good;
}

function fits(c: i32): bool {
  const low = c | 0x20;
  return (c < 0x80 && low >= 0x61 && low <= 0x7a) || (c >= 0x30 && c <= 0x39) ||
    c == 0x20 || c == 0x2e || c == 0x5f || c == 0x2d || c == 0x40;
}

export function parseValue(tx: Tx, text: string): i64 {
  const value = parseWhole(text);
  if (value < 0) tx.fail("a value is a whole number from 0 to 9223372036854775807");
  return value;
}

/** Reads an asset that must exist. */
export function load(tx: Tx, id: string): Asset | null {
  if (!isName(tx, id)) return null;
  const text = tx.getText(id);
  if (text !== null) return Asset.parse(tx, id, text);
  tx.fail(`there is no asset ${id}`);
  return null;
}

export class Asset {
  constructor(public id: string, public owner: string, public value: i64) {}

  static parse(tx: Tx, id: string, text: string): Asset | null {
    const space = text.indexOf(" ");
    const value = space < 0 ? -1 : parseWhole(text.substring(0, space));
    if (value >= 0) return new Asset(id, text.substring(space + 1), value);
    tx.fail(`what is stored as asset ${id} is none`);
    return null;
  }

  put(tx: Tx): void {
    tx.putText(this.id, this.value.toString() + " " + this.owner);
  }

  index(tx: Tx): void {
    // An empty value would delete the key when the block is committed.
    tx.put(compositeKey(OWNED, [this.owner, this.id]), new Uint8Array(1));
  }

  unindex(tx: Tx): void {
    tx.delete(compositeKey(OWNED, [this.owner, this.id]));
  }

  json(): string {
    return `{"id":"${this.id}","owner":"${this.owner}","value":${this.value}}`;
  }

  /** Sets the event, and answers its payload. */
  announce(tx: Tx, event: string): Uint8Array {
    const json = utf8(this.json());
    tx.event(event, json);
    return json;
  }
}

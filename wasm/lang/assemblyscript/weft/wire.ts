// The encodings of the ABI. This file is private to the library.

import { fromUTF8, stick } from "./host";

/** Reads from the front of bytes; what is missing sticks as an error. */
export class Reader {
  constructor(private b: Uint8Array, private at: i32 = 0, public bad: bool = false) {}

  get done(): bool {
    return this.bad || this.at >= this.b.length;
  }

  private has(n: u64): bool {
    if (!this.bad && n <= u64(this.b.length - this.at)) return true;
    if (!this.bad) stick(-100, "the host's answer ends too early");
    this.bad = true;
    return false;
  }

  u8(): u8 {
    return this.has(1) ? this.b[this.at++] : 0;
  }

  u32(): u32 {
    if (!this.has(4)) return 0;
    const n = load<u32>(this.b.dataStart + this.at);
    this.at += 4;
    return n;
  }

  i64(): i64 {
    if (!this.has(8)) return 0;
    const n = load<i64>(this.b.dataStart + this.at);
    this.at += 8;
    return n;
  }

  take(n: u64): Uint8Array {
    if (!this.has(n)) return new Uint8Array(0);
    const from = this.at;
    this.at += i32(n);
    return this.b.subarray(from, this.at);
  }

  bytes(): Uint8Array {
    return this.take(this.u32());
  }

  text(): string {
    const n = this.u32();
    if (!this.has(n)) return "";
    const s = String.UTF8.decodeUnsafe(this.b.dataStart + this.at, n);
    this.at += n;
    return s;
  }

  skip(): void {
    const n = this.u32();
    if (this.has(n)) this.at += n;
  }

  /** A varint of protobuf. */
  varint(): u64 {
    let n: u64 = 0;
    for (let shift: u64 = 0; shift < 64; shift += 7) {
      const b = this.u8();
      n |= u64(b & 0x7f) << shift;
      if (b < 0x80) return n;
    }
    this.bad = true;
    stick(-100, "a number in the identity is too long");
    return 0;
  }
}

/** Encodes a list. */
export function encodeList(items: Uint8Array[]): Uint8Array {
  let size = 4;
  for (let i = 0; i < items.length; i++) size += 4 + items[i].length;
  const out = new Uint8Array(size);
  let at = out.dataStart;
  store<u32>(at, items.length);
  at += 4;
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    store<u32>(at, item.length);
    memory.copy(at + 4, item.dataStart, item.length);
    at += 4 + item.length;
  }
  return out;
}

/** One field of a marshalled msp.SerializedIdentity: 1 MSP id, 2 certificate. */
export function identityField(identity: Uint8Array, wanted: u64): string {
  const r = new Reader(identity);
  let value = "";
  while (!r.done) {
    const tag = r.varint();
    if ((tag & 7) != 2) {
      stick(-100, "the creator is not a serialized identity");
      break;
    }
    const b = r.take(r.varint());
    if (tag >> 3 == wanted) value = fromUTF8(b);
  }
  return value;
}

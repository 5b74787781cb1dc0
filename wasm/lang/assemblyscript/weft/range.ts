import * as host from "./host";
import { Reader } from "./wire";

/** How much of a range is fetched at once; what is handed over counts as read. */
const BATCH: i32 = 16 << 10;
const STATE: u8 = 0; // kind of record of a range

/**
 * The entries of a range, in the order of the keys' bytes:
 *
 *     const r = tx.range("a", "b");
 *     while (r.next()) use(r.key, r.text);
 *
 * It ends at the end and at an error, and closes itself then.
 */
export class Range {
  key: string = "";
  value: Uint8Array = new Uint8Array(0);
  /** Of a history: the transaction, its time, and whether it deleted. */
  txId: string = "";
  seconds: i64 = 0;
  nanos: i32 = 0;
  deleted: bool = false;

  private records: Reader | null = null;

  /** Private: tx.range and its like make ranges. */
  constructor(private handle: i32) {
    if (!host.ok(handle)) this.handle = -1;
  }

  /** The value as text. */
  get text(): string {
    return host.fromUTF8(this.value);
  }

  /** Moves to the next entry; false at the end. */
  next(): bool {
    if (this.handle < 0) return false;
    let r = this.records;
    if (r === null || r.done) {
      const buf = new Uint8Array(BATCH);
      const n = host.iter_next(this.handle, buf.dataStart, BATCH);
      if (!host.ok(n) || n == 0) return this.end();
      r = new Reader(n <= BATCH ? buf.subarray(0, n) : host.fetched(n));
      this.records = r;
    }
    this.decode(r);
    return r.bad ? this.end() : true;
  }

  private decode(r: Reader): void {
    if (r.u8() == STATE) {
      r.skip(); // the namespace, always the chaincode's own
      this.key = r.text();
    } else {
      this.txId = r.text();
      this.seconds = r.i64();
      this.nanos = i32(r.u32());
      this.deleted = r.u8() != 0;
    }
    this.value = r.bytes();
  }

  private end(): bool {
    this.close();
    return false;
  }

  /** The bookmark of the next page, empty after the last. Ask before the range ends: it is known from the start. */
  bookmark(): string {
    const n = host.iter_meta(this.handle, host.first, host.FIRST);
    if (!host.ok(n)) return "";
    const r = new Reader(host.fetched(n));
    r.u32(); // the count
    return r.text();
  }

  /** Leaves the range before its end. */
  close(): void {
    if (this.handle < 0) return;
    const h = this.handle;
    this.handle = -1;
    host.ok(host.iter_close(h));
  }
}

import * as host from "./host";
import { compositeKey, rangeEnd } from "./key";
import { Range } from "./range";
import { encodeList, identityField, Reader } from "./wire";

const COMPOSITE: i32 = 1; // of range_open's flags

/** What another chaincode answered. */
export class Response {
  constructor(
    /** 200 and more; 400 and more is a failure there. */
    public status: i32,
    public message: string,
    public payload: Uint8Array,
  ) {}
}

/**
 * The transaction that runs.
 *
 * Errors stick: the first thing that goes wrong, here or in the host, makes the
 * response one that is not endorsed, whatever the contract returns, unless
 * clearError is called. So calls need not be checked one by one.
 */
export class Tx {
  private raw: Uint8Array | null = null; // the arguments, as a list of the ABI
  private arguments: Uint8Array[] | null = null;
  private texts: Array<string | null> | null = null; // as far as they were asked for

  constructor(private flags: i32) {}

  /** Makes the transaction fail with a text; answers null to be returned. */
  fail(message: string, status: i32 = 500): Uint8Array | null {
    if (host.errorCode == 0) host.setStatus(status);
    host.stick(-100, message);
    return null;
  }

  /** Whether something went wrong. */
  get failed(): bool {
    return host.errorCode != 0;
  }

  /** The host's code of what went wrong, -100 for the chaincode's own errors. */
  get errorCode(): i32 {
    return host.errorCode;
  }

  get errorText(): string {
    return host.errorText;
  }

  /** Forgets what went wrong. */
  clearError(): void {
    host.clear();
  }

  /** The arguments; by custom the first is the function's name. */
  get args(): Uint8Array[] {
    const known = this.arguments;
    if (known !== null) return known;
    const r = new Reader(this.list());
    const n = r.u32();
    const list: Uint8Array[] = [];
    for (let i: u32 = 0; i < n && !r.bad; i++) list.push(r.bytes());
    this.arguments = list;
    return list;
  }

  /** How many arguments there are; it costs less than to make args. */
  get argCount(): i32 {
    const list = this.list();
    return list.length < 4 ? 0 : load<i32>(list.dataStart);
  }

  /** Argument i as text, empty if there is none. */
  arg(i: i32): string {
    const count = this.argCount;
    if (i < 0 || i >= count) return "";
    let texts = this.texts;
    if (texts === null) this.texts = texts = new Array<string | null>(count);
    const known = texts[i];
    if (known !== null) return known;
    let at = this.list().dataStart + 4;
    for (let before = i; before > 0; before--) at += 4 + load<u32>(at);
    const text = String.UTF8.decodeUnsafe(at + 4, load<u32>(at));
    texts[i] = text;
    return text;
  }

  private list(): Uint8Array {
    let raw = this.raw;
    if (raw === null) this.raw = raw = host.field(4);
    return raw;
  }

  /** The first argument. */
  get name(): string {
    return this.arg(0);
  }

  /** Whether the call is the chaincode's initialisation. */
  get isInit(): bool {
    return (this.flags & 1) != 0;
  }

  /** Whether the call may not write. */
  get isReadOnly(): bool {
    return (this.flags & 2) != 0;
  }

  get id(): string {
    return host.fromUTF8(host.field(1));
  }

  get channel(): string {
    return host.fromUTF8(host.field(2));
  }

  /** The client's time in seconds since 1970, the same on every peer. */
  get seconds(): i64 {
    return new Reader(host.field(3)).i64();
  }

  /** The nanoseconds on top of seconds. */
  get nanos(): i32 {
    const r = new Reader(host.field(3));
    r.i64();
    return i32(r.u32());
  }

  /** The client's marshalled identity. */
  get creator(): Uint8Array {
    return host.field(5);
  }

  /** The MSP id of the client's organisation. */
  get creatorMspId(): string {
    return identityField(this.creator, 1);
  }

  /** The client's certificate, PEM. */
  get creatorCertificate(): string {
    return identityField(this.creator, 2);
  }

  /** What the client gave under a name for the endorsers' eyes only. */
  transient(name: string): Uint8Array | null {
    const r = new Reader(host.field(6));
    for (let n = r.u32() / 2; n > 0 && !r.bad; n--) {
      const key = r.text();
      const value = r.bytes();
      if (key == name) return value;
    }
    return null;
  }

  get binding(): Uint8Array {
    return host.field(7);
  }

  get signedProposal(): Uint8Array {
    return host.field(9);
  }

  /** The MSP id of the peer. It differs between peers: it is not to be written. */
  get peerMspId(): string {
    return host.fromUTF8(host.field(10));
  }

  /** This chaincode's name. */
  get chaincode(): string {
    return host.fromUTF8(host.field(11));
  }

  /** The committed value of a key, null if there is none. */
  get(key: string): Uint8Array | null {
    return PUBLIC.get(key);
  }

  /** The committed value of a key as text, null if there is none. */
  getText(key: string): string | null {
    return PUBLIC.getText(key);
  }

  /** The committed values of several keys, in their order, in one call. */
  getAll(keys: string[]): Array<Uint8Array | null> {
    const list: Uint8Array[] = [];
    for (let i = 0; i < keys.length; i++) list.push(host.utf8(keys[i]));
    const k = encodeList(list);
    const n = host.state_get_multi(0, 0, k.dataStart, k.length, host.first, host.FIRST);
    const values: Array<Uint8Array | null> = [];
    if (!host.ok(n)) return values;
    const r = new Reader(host.fetched(n));
    for (let left = r.u32(); left > 0 && !r.bad; left--) {
      const item = r.bytes(); // 1 and the value, or 0
      values.push(item.length > 0 && item[0] != 0 ? item.subarray(1) : null);
    }
    return values;
  }

  /** Writes a key. An empty value deletes it when the block is committed. */
  put(key: string, value: Uint8Array): bool {
    return PUBLIC.put(key, value);
  }

  putText(key: string, value: string): bool {
    return PUBLIC.putText(key, value);
  }

  /** Deletes a key, which need not exist. */
  delete(key: string): bool {
    return PUBLIC.remove(key, 0);
  }

  /**
   * The keys from start up to, and without, end. An empty end is no end; an empty
   * start is the first key that is no composite key.
   */
  range(start: string, end: string): Range {
    return openRange("", start, end, 0, 0, "");
  }

  /** The composite keys that begin with an object type and attributes. */
  rangeComposite(objectType: string, attributes: string[]): Range {
    return PUBLIC.rangeComposite(objectType, attributes);
  }

  /**
   * At most size keys of a range from a bookmark on, which is empty at first. For
   * queries: what is read is not checked at commit.
   */
  page(start: string, end: string, size: i32, bookmark: string): Range {
    return openRange("", start, end, 0, size, bookmark);
  }

  /** A page of rangeComposite. */
  pageComposite(objectType: string, attributes: string[], size: i32, bookmark: string): Range {
    const start = compositeKey(objectType, attributes);
    if (start.length == 0) return new Range(0); // the error sticks; no handle is 0
    return openRange("", start, rangeEnd(start), COMPOSITE, size, bookmark);
  }

  /** What a rich query selects, where the peers' state database has such. */
  query(query: string): Range {
    const q = host.utf8(query);
    return new Range(host.query_open(0, 0, q.dataStart, q.length, 0, 0, 0));
  }

  /** The changes of a key, newest first. */
  history(key: string): Range {
    const k = host.utf8(key);
    return new Range(host.history_open(k.dataStart, k.length));
  }

  /** The private data of a collection. */
  collection(name: string): Collection {
    return new Collection(name);
  }

  /** A key's endorsement policy, null if it has none of its own. */
  policy(key: string): Uint8Array | null {
    return PUBLIC.policy(key);
  }

  setPolicy(key: string, policy: Uint8Array): bool {
    return PUBLIC.setPolicy(key, policy);
  }

  /** Sets the transaction's one event; the last call wins. */
  event(name: string, payload: Uint8Array): bool {
    const n = host.utf8(name);
    return host.ok(host.event_set(n.dataStart, n.length, payload.dataStart, payload.length));
  }

  /**
   * Calls another chaincode, on this channel if channel is empty; a call to
   * another channel only reads. Null: the call itself failed.
   */
  call(chaincode: string, args: Uint8Array[], channel: string = ""): Response | null {
    const name = host.utf8(chaincode);
    const on = host.utf8(channel);
    const list = encodeList(args);
    const status = host.cc_call(name.dataStart, name.length, list.dataStart, list.length, on.dataStart, on.length);
    if (!host.ok(status)) return null;
    const payload = part(4); // the count is two: payload, message
    const message = part(8 + payload.length);
    return new Response(status, host.fromUTF8(message), payload);
  }
}

/** An item of the list that cc_call left. */
function part(off: i32): Uint8Array {
  if (!host.ok(host.result_read(off, host.first, 4))) return new Uint8Array(0);
  const b = new Uint8Array(load<i32>(host.first));
  host.ok(host.result_read(off + 4, b.dataStart, b.length));
  return b;
}

function openRange(collection: string, start: string, end: string, flags: i32, page: i32, bookmark: string): Range {
  const c = host.utf8(collection);
  const s = host.utf8(start);
  const e = host.utf8(end);
  const b = host.utf8(bookmark);
  return new Range(host.range_open(c.dataStart, c.length, s.dataStart, s.length, e.dataStart, e.length, flags, page, b.dataStart, b.length));
}

const POLICY = "VALIDATION_PARAMETER";

/** A collection of private data; its methods are those of Tx. */
export class Collection {
  private coll: Uint8Array;

  constructor(private name: string) {
    this.coll = host.utf8(name);
  }

  get(key: string): Uint8Array | null {
    return host.found(this.read(key));
  }

  getText(key: string): string | null {
    const n = this.read(key);
    return n == host.NOT_FOUND || !host.ok(n) ? null : host.fetchedText(n);
  }

  private read(key: string): i32 {
    const k = String.UTF8.encode(key);
    return host.state_get(this.coll.dataStart, this.coll.length, changetype<usize>(k), k.byteLength, host.first, host.FIRST);
  }

  /** The hash of a value, which peers that do not have the value know too. */
  hash(key: string): Uint8Array | null {
    const k = host.utf8(key);
    return host.found(host.state_hash(this.coll.dataStart, this.coll.length, k.dataStart, k.length, host.first, host.FIRST));
  }

  put(key: string, value: Uint8Array): bool {
    return this.write(key, value.dataStart, value.length);
  }

  putText(key: string, value: string): bool {
    const v = String.UTF8.encode(value);
    return this.write(key, changetype<usize>(v), v.byteLength);
  }

  private write(key: string, value: usize, length: i32): bool {
    const k = String.UTF8.encode(key);
    return host.ok(host.state_put(this.coll.dataStart, this.coll.length, changetype<usize>(k), k.byteLength, value, length));
  }

  delete(key: string): bool {
    return this.remove(key, 0);
  }

  /** Deletes a key and what is kept of its past. */
  purge(key: string): bool {
    return this.remove(key, 1);
  }

  remove(key: string, mode: i32): bool {
    const k = host.utf8(key);
    return host.ok(host.state_del(this.coll.dataStart, this.coll.length, k.dataStart, k.length, mode));
  }

  range(start: string, end: string): Range {
    return openRange(this.name, start, end, 0, 0, "");
  }

  rangeComposite(objectType: string, attributes: string[]): Range {
    const start = compositeKey(objectType, attributes);
    if (start.length == 0) return new Range(0); // the error sticks; no handle is 0
    return openRange(this.name, start, rangeEnd(start), COMPOSITE, 0, "");
  }

  policy(key: string): Uint8Array | null {
    const k = host.utf8(key);
    const n = host.utf8(POLICY);
    return host.found(host.meta_get(this.coll.dataStart, this.coll.length, k.dataStart, k.length, n.dataStart, n.length, host.first, host.FIRST));
  }

  setPolicy(key: string, policy: Uint8Array): bool {
    const k = host.utf8(key);
    const n = host.utf8(POLICY);
    return host.ok(host.meta_put(this.coll.dataStart, this.coll.length, k.dataStart, k.length, n.dataStart, n.length, policy.dataStart, policy.length));
  }
}

/** The public state. It is made before the first transaction. */
const PUBLIC = new Collection("");

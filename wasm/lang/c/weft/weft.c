#include "weft.h"

#include <stdlib.h>
#include <string.h>

/* ---- the host ---- */

#define HOST(name) __attribute__((import_module("weft_v1"), import_name(#name))) extern
#define EXPORT(name) __attribute__((export_name(#name)))

HOST(ctx_get) int32_t h_ctx_get(int32_t field, char *ptr, size_t cap);
HOST(state_get) int32_t h_state_get(const char *, size_t, const char *, size_t, char *ptr, size_t cap);
HOST(state_get_multi) int32_t h_state_get_multi(const char *, size_t, const char *, size_t, char *ptr, size_t cap);
HOST(state_hash) int32_t h_state_hash(const char *, size_t, const char *, size_t, char *ptr, size_t cap);
HOST(state_put) int32_t h_state_put(const char *, size_t, const char *, size_t, const char *, size_t);
HOST(state_del) int32_t h_state_del(const char *, size_t, const char *, size_t, int32_t mode);
HOST(meta_get) int32_t h_meta_get(const char *, size_t, const char *, size_t, const char *, size_t, char *ptr, size_t cap);
HOST(meta_put) int32_t h_meta_put(const char *, size_t, const char *, size_t, const char *, size_t, const char *, size_t);
HOST(range_open) int32_t h_range_open(const char *, size_t, const char *, size_t, const char *, size_t, int32_t flags, int32_t page, const char *, size_t);
HOST(query_open) int32_t h_query_open(const char *, size_t, const char *, size_t, int32_t page, const char *, size_t);
HOST(history_open) int32_t h_history_open(const char *, size_t);
HOST(iter_next) int32_t h_iter_next(int32_t handle, char *ptr, size_t cap);
HOST(iter_meta) int32_t h_iter_meta(int32_t handle, char *ptr, size_t cap);
HOST(iter_close) int32_t h_iter_close(int32_t handle);
HOST(cc_call) int32_t h_cc_call(const char *, size_t, const char *, size_t, const char *, size_t);
HOST(event_set) int32_t h_event_set(const char *, size_t, const char *, size_t);
HOST(response_set) int32_t h_response_set(int32_t status, const char *, size_t, const char *, size_t);
HOST(result_read) int32_t h_result_read(size_t off, char *ptr, size_t len);
HOST(error_read) int32_t h_error_read(char *ptr, size_t cap);
HOST(log) void h_log(int32_t level, const char *, size_t);
HOST(abort) void h_abort(const char *, size_t);

enum { /* fields of ctx_get */
	F_TX_ID = 1, F_CHANNEL, F_TIMESTAMP, F_ARGS, F_CREATOR, F_TRANSIENT, F_BINDING,
	F_DECORATIONS, F_SIGNED_PROPOSAL, F_PEER_MSP_ID, F_CHAINCODE,
};
enum { INIT = 1, READ_ONLY = 2 };   /* bits of cc_invoke's argument */
enum { COMPOSITE = 1 };             /* of range_open's flags */
enum { STATE = 0 };                 /* kind of record of a range */
enum { BATCH = 16 << 10 };          /* of a range at once; counts as read */

/* ---- memory ---- */

/* Allocations go forward through chunks; the host resets the memory after the
 * transaction. */
static struct {
	char *at, *end;
} heap;

enum { CHUNK = 32 << 10 };

static char *reserve(size_t n) {
	if (n > SIZE_MAX - CHUNK) weft_abort("out of memory");
	n = (n + 7) & ~(size_t)7;
	if ((size_t)(heap.end - heap.at) < n) {
		size_t size = n > CHUNK ? n : CHUNK;
		heap.at = malloc(size);
		if (!heap.at) weft_abort("out of memory");
		heap.end = heap.at + size;
	}
	return heap.at;
}

static void keep(size_t n) { heap.at += (n + 7) & ~(size_t)7; }

void *weft_alloc(size_t n) {
	char *p = reserve(n);
	keep(n);
	return memset(p, 0, n);
}

/* ---- the invocation and its errors ---- */

struct transaction {
	int32_t flags, status, error;
	weft_bytes text;
	weft_bytes args; /* the list */
	bool have_args;
	weft_bytes payload;
};
static struct transaction tx;

EXPORT(weft_abi) int32_t weft_abi(void) { return 1 << 16; }

/* The first chunk is made before the snapshot that transactions begin with. */
EXPORT(cc_init) int32_t cc_init(void) {
	reserve(CHUNK);
	return 0;
}

EXPORT(cc_invoke) int32_t cc_invoke(int32_t flags) {
	tx = (struct transaction){.flags = flags, .status = 500}; /* warm-up calls leave theirs */
	if (weft_invoke() < 0 && !tx.error) weft_fail("the chaincode failed and gave no reason");
	if (tx.error) return h_response_set(tx.status, tx.text.ptr, tx.text.len, NULL, 0);
	return h_response_set(200, NULL, 0, tx.payload.ptr, tx.payload.len);
}

int weft_ok(void) { return tx.error ? -1 : 0; }

int weft_return_(weft_bytes payload) {
	tx.payload = payload;
	return weft_ok();
}

static void stick(int32_t code, weft_bytes text) {
	if (tx.error) return; /* the first one explains the others */
	tx.error = code;
	tx.text = text;
}

int weft_fail_(weft_bytes text) {
	stick(WEFT_FAILED, text);
	return -1;
}

void weft_status(int32_t status) { tx.status = status < 400 ? 400 : status; }
int32_t weft_error(void) { return tx.error; }
weft_bytes weft_error_text(void) { return tx.text; }
void weft_error_clear(void) { tx.error = 0; }

_Noreturn void weft_abort_(weft_bytes text) {
	h_abort(text.ptr, text.len);
	__builtin_trap(); /* abort does not come back */
}

/* fetched finishes an output of the host: n bytes at where reserve was, or
 * kept by the host if they are more than cap. */
static weft_bytes fetched(char *p, size_t cap, int32_t n) {
	if ((size_t)n > cap) {
		p = reserve(n);
		h_result_read(0, p, n);
	}
	keep(n);
	return (weft_bytes){p, n};
}

enum { FIRST = 512 }; /* what is longer takes a second call */

static bool checked(int32_t answer) {
	if (answer >= 0) return true;
	char *p = reserve(FIRST);
	int32_t n = h_error_read(p, FIRST);
	stick(answer, n < 0 ? WEFT("the host refused and gave no reason") : fetched(p, FIRST, n));
	return false;
}

/* found is checked, with NOT_FOUND as false and no error. */
static bool found(char *p, int32_t n, weft_bytes *value) {
	*value = (weft_bytes){0};
	if (n == WEFT_NOT_FOUND || !checked(n)) return false;
	*value = fetched(p, FIRST, n);
	return true;
}

static weft_bytes field(int32_t f) {
	char *p = reserve(FIRST);
	int32_t n = h_ctx_get(f, p, FIRST);
	return checked(n) ? fetched(p, FIRST, n) : (weft_bytes){0};
}

/* ---- decoding ---- */

/* take cuts n bytes from the front; what is missing is an error of the host's
 * and leaves nothing. */
static weft_bytes take(weft_bytes *b, size_t n) {
	if (n > b->len) {
		weft_fail("the host's answer ends too early");
		*b = (weft_bytes){0};
		return *b;
	}
	weft_bytes head = {b->ptr, n};
	b->ptr += n;
	b->len -= n;
	return head;
}

static uint32_t take_u32(weft_bytes *b) {
	uint32_t n = 0;
	weft_bytes w = take(b, sizeof n);
	if (w.len) memcpy(&n, w.ptr, sizeof n); /* wasm is little endian, as the ABI is */
	return n;
}

static weft_bytes take_bytes(weft_bytes *b) {
	uint32_t n = take_u32(b);
	return take(b, n);
}

static weft_time take_time(weft_bytes *b) {
	weft_time t = {0};
	weft_bytes w = take(b, 12);
	if (w.len) {
		memcpy(&t.seconds, w.ptr, 8);
		memcpy(&t.nanos, w.ptr + 8, 4);
	}
	return t;
}

/* ---- encoding ---- */

static weft_bytes number(uint32_t n) {
	char *p = reserve(sizeof n);
	keep(sizeof n);
	memcpy(p, &n, sizeof n);
	return (weft_bytes){p, sizeof n};
}

/* encode makes a list of the ABI. */
static weft_bytes encode(const weft_bytes *items, size_t n) {
	weft_text list = {0};
	weft_append(&list, number(n));
	for (size_t i = 0; i < n; i++) weft_append(&list, number(items[i].len), items[i]);
	return weft_text_bytes(&list);
}

/* ---- the transaction ---- */

static weft_bytes args(void) {
	if (!tx.have_args) {
		tx.args = field(F_ARGS);
		tx.have_args = true;
	}
	return tx.args;
}

size_t weft_argc(void) {
	weft_bytes list = args();
	return take_u32(&list);
}

weft_bytes weft_arg(size_t i) {
	weft_bytes list = args();
	if (i >= take_u32(&list)) return (weft_bytes){0};
	while (i--) take_bytes(&list);
	return take_bytes(&list);
}

bool weft_is_init(void) { return tx.flags & INIT; }
bool weft_is_read_only(void) { return tx.flags & READ_ONLY; }
weft_bytes weft_tx_id(void) { return field(F_TX_ID); }
weft_bytes weft_channel(void) { return field(F_CHANNEL); }
weft_bytes weft_chaincode(void) { return field(F_CHAINCODE); }
weft_bytes weft_peer_msp_id(void) { return field(F_PEER_MSP_ID); }
weft_bytes weft_creator(void) { return field(F_CREATOR); }
weft_bytes weft_binding(void) { return field(F_BINDING); }
weft_bytes weft_signed_proposal(void) { return field(F_SIGNED_PROPOSAL); }

weft_time weft_timestamp(void) {
	weft_bytes b = field(F_TIMESTAMP);
	return take_time(&b);
}

static uint64_t take_varint(weft_bytes *b) {
	uint64_t n = 0;
	for (int shift = 0; shift < 64; shift += 7) {
		weft_bytes c = take(b, 1);
		if (!c.len) return 0;
		n |= (uint64_t)(*c.ptr & 0x7f) << shift;
		if (!(*c.ptr & 0x80)) return n;
	}
	weft_fail("a number in the identity is too long");
	return 0;
}

/* Field n of a marshalled msp.SerializedIdentity, whose fields are all bytes. */
static weft_bytes identity_field(uint64_t n) {
	weft_bytes b = field(F_CREATOR), value = {0};
	while (b.len) {
		uint64_t tag = take_varint(&b);
		if ((tag & 7) != 2) {
			weft_fail("the creator is not a serialized identity");
			break;
		}
		uint64_t len = take_varint(&b);
		weft_bytes v = take(&b, len > SIZE_MAX ? SIZE_MAX : (size_t)len);
		if (tag >> 3 == n) value = v;
	}
	return value;
}

weft_bytes weft_creator_msp_id(void) { return identity_field(1); }
weft_bytes weft_creator_cert(void) { return identity_field(2); }

bool weft_transient_(weft_bytes name, weft_bytes *value) {
	weft_bytes map = field(F_TRANSIENT);
	for (uint32_t n = take_u32(&map) / 2; n > 0 && map.len; n--) {
		weft_bytes key = take_bytes(&map);
		*value = take_bytes(&map);
		if (weft_is(key, name)) return true;
	}
	*value = (weft_bytes){0};
	return false;
}

/* ---- state ---- */

bool weft_get_(weft_bytes coll, weft_bytes key, weft_bytes *value) {
	char *p = reserve(FIRST);
	return found(p, h_state_get(coll.ptr, coll.len, key.ptr, key.len, p, FIRST), value);
}

bool weft_get_all(const weft_bytes *keys, size_t n, weft_bytes *values) {
	weft_bytes list = encode(keys, n);
	char *p = reserve(FIRST);
	int32_t len = h_state_get_multi("", 0, list.ptr, list.len, p, FIRST);
	if (!checked(len)) return false;
	weft_bytes answer = fetched(p, FIRST, len);
	take_u32(&answer); /* n, too */
	for (size_t i = 0; i < n; i++) {
		weft_bytes item = take_bytes(&answer); /* 1 and the value, or 0 */
		bool there = item.len && *item.ptr;
		values[i] = there ? (weft_bytes){item.ptr + 1, item.len - 1} : (weft_bytes){0};
	}
	return true;
}

bool weft_hash_(weft_bytes coll, weft_bytes key, weft_bytes *hash) {
	char *p = reserve(FIRST);
	return found(p, h_state_hash(coll.ptr, coll.len, key.ptr, key.len, p, FIRST), hash);
}

bool weft_put_(weft_bytes coll, weft_bytes key, weft_bytes value) {
	return checked(h_state_put(coll.ptr, coll.len, key.ptr, key.len, value.ptr, value.len));
}

bool weft_del_(weft_bytes coll, weft_bytes key, int32_t mode) {
	return checked(h_state_del(coll.ptr, coll.len, key.ptr, key.len, mode));
}

static const char policy_name[] = "VALIDATION_PARAMETER";

bool weft_policy_get_(weft_bytes coll, weft_bytes key, weft_bytes *policy) {
	char *p = reserve(FIRST);
	return found(p, h_meta_get(coll.ptr, coll.len, key.ptr, key.len,
		policy_name, sizeof policy_name - 1, p, FIRST), policy);
}

bool weft_policy_put_(weft_bytes coll, weft_bytes key, weft_bytes policy) {
	return checked(h_meta_put(coll.ptr, coll.len, key.ptr, key.len,
		policy_name, sizeof policy_name - 1, policy.ptr, policy.len));
}

/* U+10FFFF, the end of a range of composite keys */
static const char most[] = "\xf4\x8f\xbf\xbf";

weft_bytes weft_key_(weft_list parts) {
	weft_text key = {0};
	weft_append(&key, ((weft_bytes){"", 1}));
	for (size_t i = 0; i < parts.n; i++) {
		weft_bytes part = parts.item[i];
		bool bad = part.len && memchr(part.ptr, 0, part.len);
		for (size_t j = 0; !bad && j + 4 <= part.len; j++) bad = !memcmp(part.ptr + j, most, 4);
		if (bad) {
			weft_fail("a composite key may contain neither U+0000 nor U+10FFFF: they end and bound its parts");
			return (weft_bytes){0};
		}
		weft_append(&key, part, ((weft_bytes){"", 1}));
	}
	return weft_text_bytes(&key);
}

size_t weft_key_split(weft_bytes key, weft_bytes *parts, size_t max) {
	if (key.len < 2 || key.ptr[0] || key.ptr[key.len - 1]) return 0;
	const char *at = key.ptr + 1, *end = key.ptr + key.len;
	size_t n = 0;
	for (; at < end; n++) {
		const char *zero = memchr(at, 0, end - at); /* there is one: the last byte */
		if (n < max) parts[n] = (weft_bytes){at, zero - at};
		at = zero + 1;
	}
	return n;
}

/* ---- ranges ---- */

static weft_range opened(int32_t handle) {
	return (weft_range){.handle = checked(handle) ? handle : -1};
}

weft_range weft_range_at_(weft_bytes coll, weft_bytes start, weft_bytes end, int32_t flags,
		int32_t page, weft_bytes bookmark) {
	return opened(h_range_open(coll.ptr, coll.len, start.ptr, start.len, end.ptr, end.len,
		flags, page, bookmark.ptr, bookmark.len));
}

weft_range weft_range_prefix_(weft_bytes key, int32_t page, weft_bytes bookmark) {
	if (!key.len) return (weft_range){.handle = -1}; /* weft_key has said why */
	return weft_range_at_(WEFT(""), key, weft_cat(key, most), COMPOSITE, page, bookmark);
}

weft_range weft_query_(weft_bytes query) {
	return opened(h_query_open("", 0, query.ptr, query.len, 0, "", 0));
}

weft_range weft_history_(weft_bytes key) { return opened(h_history_open(key.ptr, key.len)); }

void weft_close(weft_range *r) {
	if (r->handle < 0) return;
	int32_t handle = r->handle;
	r->handle = -1;
	checked(h_iter_close(handle));
}

static bool fill(weft_range *r) {
	char *p = reserve(BATCH);
	int32_t n = h_iter_next(r->handle, p, BATCH);
	if (!checked(n) || n == 0) return false;
	weft_bytes b = fetched(p, BATCH, n);
	r->at = b.ptr;
	r->end = b.ptr + b.len;
	return true;
}

static void record(weft_range *r, weft_bytes *b) {
	weft_bytes kind = take(b, 1);
	if (kind.len && *kind.ptr == STATE) {
		take_bytes(b); /* the namespace, always the chaincode's own */
		r->key = take_bytes(b);
	} else {
		r->tx_id = take_bytes(b);
		r->time = take_time(b);
		weft_bytes deleted = take(b, 1);
		r->deleted = deleted.len && *deleted.ptr;
	}
	r->value = take_bytes(b);
}

bool weft_next(weft_range *r) {
	if (r->handle < 0) return false;
	if (r->at == r->end && !fill(r)) {
		weft_close(r);
		return false;
	}
	weft_bytes b = {r->at, r->end - r->at};
	int32_t before = tx.error;
	record(r, &b);
	if (tx.error != before) {
		weft_close(r);
		return false;
	}
	r->at = r->end - b.len;
	return true;
}

weft_bytes weft_bookmark(weft_range *r) {
	char *p = reserve(FIRST);
	int32_t n = h_iter_meta(r->handle, p, FIRST);
	if (!checked(n)) return (weft_bytes){0};
	weft_bytes meta = fetched(p, FIRST, n);
	take_u32(&meta); /* the count */
	return take_bytes(&meta);
}

/* ---- events, calls, logs ---- */

bool weft_event_(weft_bytes name, weft_bytes payload) {
	return checked(h_event_set(name.ptr, name.len, payload.ptr, payload.len));
}

/* part reads an item of the list that cc_call left, and moves on. */
static weft_bytes part(size_t *off) {
	uint32_t n = 0;
	if (!checked(h_result_read(*off, (char *)&n, sizeof n))) return (weft_bytes){0};
	char *p = reserve(n);
	if (!checked(h_result_read(*off + sizeof n, p, n))) return (weft_bytes){0};
	keep(n);
	*off += sizeof n + n;
	return (weft_bytes){p, n};
}

int32_t weft_call(weft_bytes chaincode, const weft_bytes *args, size_t n, weft_bytes channel,
		weft_bytes *payload, weft_bytes *message) {
	weft_bytes list = encode(args, n);
	int32_t status = h_cc_call(chaincode.ptr, chaincode.len, list.ptr, list.len, channel.ptr, channel.len);
	*payload = *message = (weft_bytes){0};
	if (!checked(status)) return status;
	size_t off = 4; /* the count is two: payload, message */
	*payload = part(&off);
	*message = part(&off);
	return status;
}

void weft_log_(int level, weft_bytes text) { h_log(level, text.ptr, text.len); }

/* ---- text and numbers ---- */

weft_bytes weft_of_string(const char *s) { return (weft_bytes){s, s ? strlen(s) : 0}; }
weft_bytes weft_of_bytes(weft_bytes b) { return b; }

weft_bytes weft_of_int(long long n) {
	enum { DIGITS = 20 };
	char *p = weft_alloc(DIGITS), *at = p + DIGITS;
	unsigned long long left = n < 0 ? -(unsigned long long)n : (unsigned long long)n;
	do *--at = '0' + left % 10; while (left /= 10);
	if (n < 0) *--at = '-';
	return (weft_bytes){at, p + DIGITS - at};
}

static void copy(char *to, weft_bytes b) {
	if (b.len) memcpy(to, b.ptr, b.len);
}

weft_bytes weft_cat_(weft_list parts) {
	size_t len = 0;
	for (size_t i = 0; i < parts.n; i++) len += parts.item[i].len;
	char *p = reserve(len);
	keep(len);
	weft_bytes all = {p, len};
	for (size_t i = 0; i < parts.n; p += parts.item[i++].len) copy(p, parts.item[i]);
	return all;
}

bool weft_equal_(weft_bytes a, weft_bytes b) {
	return a.len == b.len && (a.len == 0 || !memcmp(a.ptr, b.ptr, a.len));
}

void weft_append_(weft_text *t, weft_list parts) {
	size_t len = t->len;
	for (size_t i = 0; i < parts.n; i++) len += parts.item[i].len;
	if (len > t->cap) {
		size_t cap = 2 * len < 64 ? 64 : 2 * len;
		char *p = reserve(cap);
		keep(cap);
		copy(p, weft_text_bytes(t));
		t->ptr = p;
		t->cap = cap;
	}
	for (size_t i = 0; i < parts.n; t->len += parts.item[i++].len) copy(t->ptr + t->len, parts.item[i]);
}

weft_bytes weft_text_bytes(const weft_text *t) { return (weft_bytes){t->ptr, t->len}; }

bool weft_parse(weft_bytes text, int64_t *n) {
	/* A division for each digit would be what parsing takes longest. */
	const int64_t most = INT64_MAX / 10;
	const int last = INT64_MAX % 10;
	int64_t value = 0;
	for (size_t i = 0; i < text.len; i++) {
		int digit = text.ptr[i] - '0';
		if (digit < 0 || digit > 9 || value > most || (value == most && digit > last)) return false;
		value = value * 10 + digit;
	}
	if (!text.len) return false;
	*n = value;
	return true;
}

#define CHECKED(op) \
	int64_t sum; \
	if (__builtin_##op##_overflow(a, b, &sum)) return false; \
	*result = sum; \
	return true

bool weft_add(int64_t a, int64_t b, int64_t *result) { CHECKED(add); }
bool weft_sub(int64_t a, int64_t b, int64_t *result) { CHECKED(sub); }
bool weft_mul(int64_t a, int64_t b, int64_t *result) { CHECKED(mul); }

/* Write Weft chaincode in C: the guest side of the ABI weft_v1.
 *
 * A chaincode defines one function, weft_invoke, which is called once for each
 * transaction:
 *
 *     #include "weft.h"
 *
 *     int weft_invoke(void) {
 *         if (weft_is(weft_arg(0), "get") && weft_argc() == 2) {
 *             weft_bytes value;
 *             if (!weft_get(weft_arg(1), &value))
 *                 return weft_fail("there is no such key");
 *             return weft_return(value);
 *         }
 *         if (weft_is(weft_arg(0), "put") && weft_argc() == 3) {
 *             weft_put(weft_arg(1), weft_arg(2));
 *             return weft_ok();
 *         }
 *         return weft_fail("usage: get KEY | put KEY VALUE");
 *     }
 *
 * What holds for every transaction:
 *
 * - Memory is as it was after the chaincode's start: nothing that a transaction
 *   leaves in a variable is seen by another one, and nothing need be freed.
 * - Reads answer what is committed, never what this transaction has written.
 * - Errors stick. The first thing that goes wrong, here or in the host, makes
 *   the response one that is not endorsed, whatever weft_invoke returns, unless
 *   weft_error_clear is called. So calls need not be checked one by one.
 * - There is no clock, randomness, file or network but what is declared here.
 *
 * Where text is wanted, a string literal, a char *, a weft_bytes or a whole
 * number may be given; see WEFT. */
#ifndef WEFT_H
#define WEFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes, with or without meaning as text. They need not end in a zero. */
typedef struct {
	const char *ptr;
	size_t len;
} weft_bytes;

/* ---- the contract ---- */

/* Yours. Return what weft_ok, weft_return or weft_fail return. */
int weft_invoke(void);

/* The response: no payload, a payload, or a failure with its text. Text may be
 * given in up to eight pieces: weft_fail("there is no asset ", id). */
int weft_ok(void);
#define weft_return(payload) weft_return_(WEFT(payload))
#define weft_fail(...) weft_fail_(weft_cat(__VA_ARGS__))
/* weft_fail for a function that answers a bool: it answers false. */
#define weft_refuse(...) (weft_fail(__VA_ARGS__) == 0)
/* Sets the status of a failure, 500 otherwise; at least 400. */
void weft_status(int32_t status);

/* The code of the first thing that went wrong, 0 if nothing did, and its text. */
int32_t weft_error(void);
weft_bytes weft_error_text(void);
void weft_error_clear(void);

enum {
	WEFT_NOT_FOUND = -1,
	WEFT_INVALID_ARG = -2,
	WEFT_DENIED = -3,
	WEFT_READ_ONLY = -4,
	WEFT_UNSUPPORTED = -5,
	WEFT_LIMIT = -6,
	WEFT_BAD_HANDLE = -7,
	WEFT_NOT_IN_TX = -8,
	WEFT_FAILED = -100, /* the chaincode's own: weft_fail */
};

/* Ends the transaction at once, with a text for the peer's log. */
#define weft_abort(...) weft_abort_(weft_cat(__VA_ARGS__))

/* ---- the transaction ---- */

size_t weft_argc(void);         /* arguments, the function's name among them */
weft_bytes weft_arg(size_t i);  /* argument i, empty if there is none */
bool weft_is_init(void);        /* the call is the chaincode's initialisation */
bool weft_is_read_only(void);   /* the call may not write */
weft_bytes weft_tx_id(void);
weft_bytes weft_channel(void);
weft_bytes weft_chaincode(void);     /* this chaincode's name */
weft_bytes weft_peer_msp_id(void);   /* differs between peers: not to be written */
weft_bytes weft_creator(void);       /* the client's marshalled identity */
weft_bytes weft_creator_msp_id(void);
weft_bytes weft_creator_cert(void);  /* PEM */
weft_bytes weft_binding(void);
weft_bytes weft_signed_proposal(void);

/* The client's time, the same on every peer. */
typedef struct {
	int64_t seconds; /* since 1970, UTC */
	int32_t nanos;
} weft_time;
weft_time weft_timestamp(void);

/* What the client gave under a name for the endorsers' eyes only. */
#define weft_transient(name, value) weft_transient_(WEFT(name), value)

/* ---- state ---- */

/* The committed value of a key. False: there is none, and *value is empty. */
#define weft_get(key, value) weft_private_get("", key, value)
/* An empty value deletes the key when the block is committed. */
#define weft_put(key, value) weft_private_put("", key, value)
/* The key need not exist. */
#define weft_del(key) weft_private_del("", key)

/* The committed values of n keys, in their order, in one call; the ptr of one
 * that is not there is NULL. */
bool weft_get_all(const weft_bytes *keys, size_t n, weft_bytes *values);

/* The same for the private data of a collection. */
#define weft_private_get(collection, key, value) weft_get_(WEFT(collection), WEFT(key), value)
#define weft_private_put(collection, key, value) weft_put_(WEFT(collection), WEFT(key), WEFT(value))
#define weft_private_del(collection, key) weft_del_(WEFT(collection), WEFT(key), 0)
/* Deletes a key and what is kept of its past. */
#define weft_private_purge(collection, key) weft_del_(WEFT(collection), WEFT(key), 1)
/* The hash of a value, which peers that do not have the value know too. */
#define weft_private_hash(collection, key, hash) weft_hash_(WEFT(collection), WEFT(key), hash)

/* A key's endorsement policy. False: it has none of its own. */
#define weft_policy_get(key, policy) weft_policy_get_(WEFT(""), WEFT(key), policy)
#define weft_policy_put(key, policy) weft_policy_put_(WEFT(""), WEFT(key), WEFT(policy))

/* A key of an object type and up to seven attributes, in Fabric's form. */
#define weft_key(...) weft_key_(WEFT_LIST(__VA_ARGS__))
/* The parts of a composite key, the object type first: how many there are, of
 * which at most max are set. 0: it is none. */
size_t weft_key_split(weft_bytes key, weft_bytes *parts, size_t max);

/* ---- ranges ---- */

/* A range is read by
 *
 *     weft_range r = weft_range_open(start, end);
 *     while (weft_next(&r))
 *         use(r.key, r.value);
 *
 * It ends at the end and at an error, and closes itself then. */
typedef struct {
	weft_bytes key, value;
	/* of a history: the transaction, its time, and whether it deleted */
	weft_bytes tx_id;
	weft_time time;
	bool deleted;
	/* private */
	int32_t handle;
	const char *at, *end;
} weft_range;

/* The keys from start up to, and without, end. An empty end is no end; an empty
 * start is the first key that is no composite key. */
#define weft_range_open(start, end) weft_range_("", start, end, 0, 0, "")
/* The composite keys that begin with an object type and attributes. */
#define weft_range_composite(...) weft_range_prefix_(weft_key(__VA_ARGS__), 0, WEFT(""))
/* At most size keys of a range from a bookmark on, which is empty at first. For
 * queries: what is read is not checked at commit. */
#define weft_range_page(start, end, size, bookmark) weft_range_("", start, end, 0, size, bookmark)
/* The same of the composite keys below one that weft_key made. */
#define weft_range_page_below(key, size, bookmark) weft_range_prefix_(key, size, WEFT(bookmark))
#define weft_private_range(collection, start, end) weft_range_(collection, start, end, 0, 0, "")
/* What a rich query selects, where the peers' state database has such. */
#define weft_query(query) weft_query_(WEFT(query))
/* The changes of a key, newest first. */
#define weft_history(key) weft_history_(WEFT(key))

bool weft_next(weft_range *r);
void weft_close(weft_range *r); /* only to leave a range before its end */
/* The bookmark of the next page, empty after the last. Ask before the range
 * ends: it is known from the start. */
weft_bytes weft_bookmark(weft_range *r);

/* ---- events, calls, logs ---- */

/* Sets the transaction's one event; the last call wins. */
#define weft_event(name, payload) weft_event_(WEFT(name), WEFT(payload))

/* Calls another chaincode, on this channel if channel is empty; a call to
 * another channel only reads. Answers the status; 400 and more is a failure
 * there, whose text is in *message. Below 0 the call itself failed. */
int32_t weft_call(weft_bytes chaincode, const weft_bytes *args, size_t n, weft_bytes channel,
		weft_bytes *payload, weft_bytes *message);

enum { WEFT_DEBUG, WEFT_INFO, WEFT_WARNING, WEFT_ERROR };
/* Writes a line to the chaincode log of this peer. It changes no result. */
#define weft_log(level, ...) weft_log_(level, weft_cat(__VA_ARGS__))

/* ---- text and numbers ---- */

/* Text of up to eight pieces. */
#define weft_cat(...) weft_cat_(WEFT_LIST(__VA_ARGS__))
#define weft_is(a, b) weft_equal_(WEFT(a), WEFT(b))

/* A whole number without sign, as people write it. False: it is none, or it
 * does not fit. */
bool weft_parse(weft_bytes text, int64_t *n);

/* Arithmetic that does not wrap: false, and *result as it was. */
bool weft_add(int64_t a, int64_t b, int64_t *result);
bool weft_sub(int64_t a, int64_t b, int64_t *result);
bool weft_mul(int64_t a, int64_t b, int64_t *result);

/* Text that grows. Begin with {0}. */
typedef struct {
	char *ptr;
	size_t len, cap;
} weft_text;
#define weft_append(text, ...) weft_append_(text, WEFT_LIST(__VA_ARGS__))
weft_bytes weft_text_bytes(const weft_text *t);

/* Memory, zeroed, which nobody frees. */
void *weft_alloc(size_t n);

/* ---- how it is done ---- */

#define WEFT(x) _Generic((x), \
	char *: weft_of_string, const char *: weft_of_string, weft_bytes: weft_of_bytes, \
	int: weft_of_int, long: weft_of_int, long long: weft_of_int, size_t: weft_of_int)(x)

typedef struct {
	weft_bytes item[8];
	size_t n;
} weft_list;

#define WEFT_LIST(...) ((weft_list){{WEFT_EACH(__VA_ARGS__)}, WEFT_COUNT(__VA_ARGS__)})
#define WEFT_COUNT(...) WEFT_NTH(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define WEFT_NTH(a, b, c, d, e, f, g, h, n, ...) n
#define WEFT_EACH(...) WEFT_NTH(__VA_ARGS__, WEFT_8, WEFT_7, WEFT_6, WEFT_5, WEFT_4, WEFT_3, WEFT_2, WEFT_1, 0)(__VA_ARGS__)
#define WEFT_1(a) WEFT(a)
#define WEFT_2(a, ...) WEFT(a), WEFT_1(__VA_ARGS__)
#define WEFT_3(a, ...) WEFT(a), WEFT_2(__VA_ARGS__)
#define WEFT_4(a, ...) WEFT(a), WEFT_3(__VA_ARGS__)
#define WEFT_5(a, ...) WEFT(a), WEFT_4(__VA_ARGS__)
#define WEFT_6(a, ...) WEFT(a), WEFT_5(__VA_ARGS__)
#define WEFT_7(a, ...) WEFT(a), WEFT_6(__VA_ARGS__)
#define WEFT_8(a, ...) WEFT(a), WEFT_7(__VA_ARGS__)

weft_bytes weft_of_string(const char *s);
weft_bytes weft_of_bytes(weft_bytes b);
weft_bytes weft_of_int(long long n);

int weft_return_(weft_bytes payload);
int weft_fail_(weft_bytes text);
_Noreturn void weft_abort_(weft_bytes text);
bool weft_transient_(weft_bytes name, weft_bytes *value);
bool weft_get_(weft_bytes collection, weft_bytes key, weft_bytes *value);
bool weft_put_(weft_bytes collection, weft_bytes key, weft_bytes value);
bool weft_del_(weft_bytes collection, weft_bytes key, int32_t mode);
bool weft_hash_(weft_bytes collection, weft_bytes key, weft_bytes *hash);
bool weft_policy_get_(weft_bytes collection, weft_bytes key, weft_bytes *policy);
bool weft_policy_put_(weft_bytes collection, weft_bytes key, weft_bytes policy);
weft_bytes weft_key_(weft_list parts);
#define weft_range_(collection, start, end, flags, page, bookmark) \
	weft_range_at_(WEFT(collection), WEFT(start), WEFT(end), flags, page, WEFT(bookmark))
weft_range weft_range_at_(weft_bytes collection, weft_bytes start, weft_bytes end, int32_t flags,
		int32_t page, weft_bytes bookmark);
weft_range weft_range_prefix_(weft_bytes key, int32_t page, weft_bytes bookmark);
weft_range weft_query_(weft_bytes query);
weft_range weft_history_(weft_bytes key);
bool weft_event_(weft_bytes name, weft_bytes payload);
void weft_log_(int level, weft_bytes text);
weft_bytes weft_cat_(weft_list parts);
bool weft_equal_(weft_bytes a, weft_bytes b);
void weft_append_(weft_text *t, weft_list parts);

#endif

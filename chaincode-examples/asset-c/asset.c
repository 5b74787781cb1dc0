/* A register of assets: who owns what, and what it is worth.
 *
 * An asset lies under its id, as "VALUE OWNER". A second, composite key,
 * owner~id, lets one list the assets of an owner without reading all.
 *
 * Move is the smallest transfer: two reads, two writes, and nothing else. What
 * a call costs is measured with it. */
#include <string.h>

#include "weft.h"

enum { MAX_NAME = 64 };

/* object type of the keys owner~id */
static const char OWNED[] = "owner";

typedef struct {
	weft_bytes id, owner;
	int64_t value;
} asset;

/* Ids and owners need no escaping, neither in keys nor in JSON. */
static bool is_name(weft_bytes b) {
	for (size_t i = 0; i < b.len; i++) {
		char c = b.ptr[i], low = c | 0x20;
		if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') && (!c || !strchr(" ._-@", c))) return false;
	}
	return b.len > 0 && b.len <= MAX_NAME;
}

static bool check_name(weft_bytes b) {
	return is_name(b) || weft_refuse("an id or owner is 1 to 64 letters, digits, spaces or . _ - @");
}

static bool parse_value(weft_bytes text, int64_t *value) {
	return weft_parse(text, value) ||
		weft_refuse("a value is a whole number from 0 to 9223372036854775807");
}

/* parse reads "VALUE OWNER". */
static bool parse(weft_bytes id, weft_bytes text, asset *a) {
	const char *space = text.len ? memchr(text.ptr, ' ', text.len) : NULL;
	if (!space || !weft_parse((weft_bytes){text.ptr, space - text.ptr}, &a->value))
		return weft_refuse("what is stored as asset ", id, " is none");
	a->id = id;
	a->owner = (weft_bytes){space + 1, text.ptr + text.len - space - 1};
	return true;
}

/* load reads an asset that must exist. */
static bool load(weft_bytes id, asset *a) {
	weft_bytes text;
	if (!check_name(id)) return false;
	if (!weft_get(id, &text)) return weft_refuse("there is no asset ", id);
	return parse(id, text, a);
}

static void store(const asset *a) { weft_put(a->id, weft_cat(a->value, " ", a->owner)); }

/* An empty value would delete the key when the block is committed. */
static void add_index(const asset *a) { weft_put(weft_key(OWNED, a->owner, a->id), ((weft_bytes){"", 1})); }

static void drop_index(const asset *a) { weft_del(weft_key(OWNED, a->owner, a->id)); }

static void append_json(weft_text *json, const asset *a) {
	weft_append(json, "{\"id\":\"", a->id, "\",\"owner\":\"", a->owner, "\",\"value\":", a->value, "}");
}

static weft_bytes json_of(const asset *a) {
	weft_text json = {0};
	append_json(&json, a);
	return weft_text_bytes(&json);
}

/* announce sets the event and returns its payload. */
static int announce(const char *event, const asset *a) {
	weft_bytes json = json_of(a);
	weft_event(event, json);
	return weft_return(json);
}

static int create(void) {
	asset a = {weft_arg(1), weft_arg(2), 0};
	weft_bytes old;
	if (!check_name(a.id) || !check_name(a.owner) || !parse_value(weft_arg(3), &a.value)) return -1;
	if (weft_get(a.id, &old)) return weft_fail("asset ", a.id, " exists already");
	store(&a);
	add_index(&a);
	return announce("Create", &a);
}

static int read(void) {
	asset a;
	return load(weft_arg(1), &a) ? weft_return(json_of(&a)) : -1;
}

static int update(void) {
	asset a;
	if (!load(weft_arg(1), &a) || !parse_value(weft_arg(2), &a.value)) return -1;
	store(&a);
	return announce("Update", &a);
}

static int transfer(void) {
	asset a;
	if (!load(weft_arg(1), &a) || !check_name(weft_arg(2))) return -1;
	drop_index(&a);
	a.owner = weft_arg(2);
	store(&a);
	add_index(&a);
	return announce("Transfer", &a);
}

static int delete(void) {
	asset a;
	if (!load(weft_arg(1), &a)) return -1;
	weft_del(a.id);
	drop_index(&a);
	announce("Delete", &a);
	return weft_return("");
}

static int move(void) {
	asset from, to;
	int64_t amount;
	if (weft_is(weft_arg(1), weft_arg(2))) return weft_fail("an asset cannot move value to itself");
	if (!load(weft_arg(1), &from) || !load(weft_arg(2), &to) || !parse_value(weft_arg(3), &amount)) return -1;
	if (from.value < amount)
		return weft_fail("asset ", from.id, " is worth ", from.value, ", less than ", amount);
	from.value -= amount;
	if (!weft_add(to.value, amount, &to.value))
		return weft_fail("asset ", to.id, " would be worth more than a value can be");
	store(&from);
	store(&to);
	return weft_ok();
}

static void append_item(weft_text *json, const asset *a) {
	if (json->len > 1) weft_append(json, ",");
	append_json(json, a);
}

static int list(void) {
	weft_text json = {0};
	weft_append(&json, "[");
	weft_range r = weft_range_open(weft_arg(1), weft_arg(2));
	while (weft_next(&r)) {
		asset a;
		if (!parse(r.key, r.value, &a)) return -1;
		append_item(&json, &a);
	}
	weft_append(&json, "]");
	return weft_return(weft_text_bytes(&json));
}

static int owned(void) {
	weft_text json = {0};
	if (!check_name(weft_arg(1))) return -1;
	weft_append(&json, "[");
	weft_range r = weft_range_composite(OWNED, weft_arg(1));
	while (weft_next(&r)) {
		weft_bytes parts[3] = {0};
		asset a;
		weft_key_split(r.key, parts, 3);
		if (!load(parts[2], &a)) return -1;
		append_item(&json, &a);
	}
	weft_append(&json, "]");
	return weft_return(weft_text_bytes(&json));
}

static int who_am_i(void) {
	weft_text json = {0};
	weft_append(&json, "{\"msp\":\"", weft_creator_msp_id(), "\",\"channel\":\"", weft_channel());
	weft_append(&json, "\",\"tx\":\"", weft_tx_id(), "\",\"seconds\":", weft_timestamp().seconds, "}");
	return weft_return(weft_text_bytes(&json));
}

static const struct {
	const char *name;
	size_t args;
	const char *usage;
	int (*run)(void);
} functions[] = {
	{"Create", 3, "Create ID OWNER VALUE", create},
	{"Read", 1, "Read ID", read},
	{"Update", 2, "Update ID VALUE", update},
	{"Transfer", 2, "Transfer ID NEWOWNER", transfer},
	{"Delete", 1, "Delete ID", delete},
	{"Move", 3, "Move FROM TO AMOUNT", move},
	{"List", 2, "List START END", list},
	{"Owned", 1, "Owned OWNER", owned},
	{"WhoAmI", 0, "WhoAmI", who_am_i},
};

int weft_invoke(void) {
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		if (!weft_is(weft_arg(0), functions[i].name)) continue;
		if (weft_argc() != functions[i].args + 1) return weft_fail("usage: ", functions[i].usage);
		return functions[i].run();
	}
	return weft_fail("there is no such function; there are Create, Read, Update, Transfer, Delete, Move, List, Owned and WhoAmI");
}

/* Calls what the library offers; its sisters in other languages answer alike. */
#include <string.h>

#include "weft.h"

static weft_text out;

static void show(weft_bytes value) {
	if (value.ptr) weft_append(&out, value);
	else weft_append(&out, "-");
}

static int32_t number(size_t i) {
	int64_t n = 0;
	weft_parse(weft_arg(i), &n);
	return (int32_t)n;
}

static void slashes(weft_bytes key) {
	for (size_t i = 0; i < key.len; i++) weft_append(&out, ((weft_bytes){key.ptr[i] ? key.ptr + i : "/", 1}));
}

static void page(weft_range r) {
	weft_bytes bookmark = weft_bookmark(&r);
	for (bool first = true; weft_next(&r); first = false) {
		if (!first) weft_append(&out, ",");
		slashes(r.key);
	}
	weft_append(&out, "|");
	slashes(bookmark);
}

static void count(weft_range r) {
	int n = 0;
	while (weft_next(&r)) n++;
	weft_append(&out, n);
}

static const char *truth(bool b) { return b ? "true" : "false"; }

static void ctx(void) {
	weft_time t = weft_timestamp();
	weft_bytes cert = weft_creator_cert();
	cert.len = 27;
	weft_append(&out, weft_tx_id(), " ", weft_channel(), " ", weft_chaincode(), " ", weft_peer_msp_id());
	weft_append(&out, " ", truth(weft_is_init()), " ", truth(weft_is_read_only()), " ", t.seconds, ".", t.nanos);
	weft_append(&out, " ", weft_creator_msp_id(), " ", cert, " ", weft_binding().len, " ", weft_signed_proposal().len);
}

static void get_all(void) {
	weft_bytes keys[8], values[8];
	size_t n = weft_argc() - 1;
	for (size_t i = 0; i < n && i < 8; i++) keys[i] = weft_arg(i + 1);
	weft_get_all(keys, n, values);
	for (size_t i = 0; i < n; i++) {
		if (i) weft_append(&out, ",");
		show(values[i]);
	}
}

static void fill(void) {
	weft_bytes value = {weft_alloc(number(2)), number(2)};
	memset((char *)value.ptr, 'x', value.len);
	for (int i = 0; i < number(1); i++) {
		weft_put(weft_cat("key", 1000 + i), value);
		weft_put(weft_key("kind", "a", 1000 + i), "1");
	}
}

static void sum(void) {
	size_t n = 0, bytes = 0;
	weft_range r = weft_range_open(weft_arg(1), weft_arg(2));
	while (weft_next(&r)) {
		n++;
		bytes += r.key.len + r.value.len;
	}
	weft_append(&out, n, " ", bytes);
}

static void key(void) {
	weft_bytes k = weft_key(weft_arg(1), weft_arg(2), weft_arg(3)), parts[4];
	size_t n = weft_key_split(k, parts, 4);
	for (size_t i = 0; i < n; i++) weft_append(&out, i ? "," : "", parts[i]);
	weft_append(&out, " of ", k.len);
}

static void call(void) {
	weft_bytes args[] = {weft_arg(2), weft_arg(3)}, payload, message;
	int32_t status = weft_call(weft_arg(1), args, 2, WEFT(""), &payload, &message);
	weft_append(&out, status, " ", message, " ", payload);
}

int weft_invoke(void) {
	weft_bytes f = weft_arg(0), value;
	out = (weft_text){0};
	if (weft_is(f, "ctx")) ctx();
	else if (weft_is(f, "args")) {
		for (size_t i = 0; i < weft_argc(); i++) weft_append(&out, i ? "," : "", weft_arg(i).len);
	} else if (weft_is(f, "transient")) {
		weft_transient(weft_arg(1), &value);
		show(value);
	} else if (weft_is(f, "getall")) get_all();
	else if (weft_is(f, "fill")) fill();
	else if (weft_is(f, "sum")) sum();
	else if (weft_is(f, "page")) page(weft_range_page(weft_arg(1), weft_arg(2), number(3), weft_arg(4)));
	else if (weft_is(f, "pagecomposite")) page(weft_range_page_below(weft_key(weft_arg(1), weft_arg(2)), number(3), weft_arg(4)));
	else if (weft_is(f, "key")) key();
	else if (weft_is(f, "refused")) weft_put("", "1");
	else if (weft_is(f, "recovered")) {
		weft_put("", "1");
		weft_append(&out, weft_error(), " ", weft_error_text());
		weft_error_clear();
	} else if (weft_is(f, "call")) call();
	else if (weft_is(f, "fail")) {
		weft_status(number(1));
		weft_fail(weft_arg(2));
	} else if (weft_is(f, "get")) {
		weft_get(weft_arg(1), &value);
		show(value);
	} else if (weft_is(f, "del")) weft_del(weft_arg(1));
	else if (weft_is(f, "event")) {
		weft_event("first", "1");
		weft_event(weft_arg(1), weft_arg(2));
		weft_log(WEFT_INFO, "an event");
	} else if (weft_is(f, "private")) {
		weft_private_get("secrets", "a", &value);
		show(value);
	} else if (weft_is(f, "history")) count(weft_history("key1000"));
	else if (weft_is(f, "query")) count(weft_query("{}"));
	else if (weft_is(f, "trap")) weft_abort("it traps");
	else weft_fail("?");
	return weft_return(weft_text_bytes(&out));
}

/* fuzz_json.c - JSON texts: two readers must agree, and everything that is read can be walked.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/buf.h"
#include "http/json.h"
#include "http/json_scan.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static enum err walk(void *context, size_t i, struct json_node v);

static enum err walk_member(void *context, struct str name, struct json_node v)
{
    size_t *n_nodes = context;
    must(str_is_utf8(name));
    return walk(n_nodes, 0, v);
}

static enum err walk(void *context, size_t i, struct json_node v)
{
    size_t *n_nodes = context;
    struct str s;
    double d;
    int64_t whole;
    bool b;

    (void)i;
    (*n_nodes)++;
    must(json_type(v) != JSON_ABSENT);
    if (json_get_string(v, &s)) must(str_is_utf8(s));
    if (json_get_double(v, &d)) must(d == d && d - d == 0);
    if (json_get_i64(v, &whole)) must(json_get_double(v, &d) && d == (double)whole);
    must(json_get_bool(v, &b) == (json_type(v) == JSON_BOOL));
    if (json_each(v, walk, context) != OK) return ERR_INTERNAL;
    return json_each_member(v, walk_member, context);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct json_parser *parser;
    struct str text = {(const char *)bytes, n};
    struct json_scanned scanned = {0};
    struct json_node root = {0};
    struct why why = {0};
    size_t n_nodes = 0;
    bool is_valid = json_scan(text, &scanned, NULL) == OK;

    if (!parser) parser = json_parser_new();
    if (json_read(parser, text, &root, &why) == OK) {
        must(is_valid && scanned.end <= n);
        must(walk(&n_nodes, 0, root) == OK && n_nodes > 0);
        must(json_type(json_member(root, "no such member")) == JSON_ABSENT || json_type(root) == JSON_OBJECT);
    } else {
        must(why.text[0] != '\0');
        must(!is_valid || strstr(why.text, "twice") || strstr(why.text, "range") || strstr(why.text, "long"));
    }
    return 0;
}

/* card.c - writes, reads and checks members' cards.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/card.h"

#include "base/hex.h"

#define FIRST_LINE STR("deconfliction-line/member-card/v1")
#define HEX_ROOT 64
#define HEX_SIGNATURE 128

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7f) return true;
    return false;
}

enum err card_check_name(struct str name, struct why *why)
{
    if (name.n == 0 || name.n > LIMIT_SUB_BYTES)
        return fail(why, ERR_INPUT, "a member's name has 1 to %d bytes, not %zu", LIMIT_SUB_BYTES, name.n);
    if (!str_is_utf8(name) || has_control(name) || str_find(name, ',') < name.n || name.at[0] == ' ' || name.at[name.n - 1] == ' ')
        return fail(why, ERR_INPUT, "a member's name is UTF-8 without control characters, commas, or blanks at its ends");
    return OK;
}

enum err card_check_url(struct str url, struct why *why)
{
    size_t scheme = str_starts(url, STR("https://")) ? 8 : str_starts(url, STR("http://")) ? 7 : 0;

    if (!scheme || url.n <= scheme || url.at[scheme] == '/')
        return fail(why, ERR_INPUT, "\"%.*s\" is no http or https URL with a host", STR_ARG(str_first(url, 100)));
    if (url.n > LIMIT_ADDRESS_BYTES) return fail(why, ERR_INPUT, "a peer URL has at most %d bytes", LIMIT_ADDRESS_BYTES);
    for (size_t i = 0; i < url.n; i++)
        if (url.at[i] <= ' ' || url.at[i] >= 0x7f) return fail(why, ERR_INPUT, "a peer URL has ASCII without blanks only");
    return OK;
}

static enum err check(const struct card *c, struct why *why)
{
    TRY(card_check_name(c->name, why));
    for (size_t i = 0; i < c->n_urls; i++) TRY(card_check_url(c->urls[i], why));
    return key_is_acceptable(&c->root) ? OK : fail(why, ERR_INPUT, "the root key is none that may be used");
}

void card_write(const struct card *c, const struct key_secret *root, struct buf *to)
{
    size_t start = to->n;
    uint8_t signature[64];

    must(check(c, NULL) == OK && c->n_urls <= LIMIT_ADDRESSES);
    buf_add_str(to, FIRST_LINE);
    buf_addf(to, "\nname %.*s\nroot ", STR_ARG(c->name));
    hex_add(to, c->root.b, sizeof c->root.b);
    buf_add_char(to, '\n');
    for (size_t i = 0; i < c->n_urls; i++) buf_addf(to, "url %.*s\n", STR_ARG(c->urls[i]));
    key_sign(root, str_skip(buf_str(to), start), signature);
    buf_add_str(to, STR("\nsignature "));
    hex_add(to, signature, sizeof signature);
    buf_add_char(to, '\n');
}

/* Takes the next whole line, which must begin with word; false if it does not. */
static bool take(struct str *rest, struct str word, struct str *ret)
{
    size_t n = str_find(*rest, '\n');

    if (n == rest->n || !str_starts(str_first(*rest, n), word)) return false;
    *ret = str_skip(str_first(*rest, n), word.n);
    *rest = str_skip(*rest, n + 1);
    return true;
}

enum err card_read(struct str text, struct card *ret, struct why *why)
{
    struct str rest = text, line, url;
    struct card c = {0};
    uint8_t signature[64];

    if (text.n > CARD_BYTES_MAX) return fail(why, ERR_INPUT, "a card has at most %d bytes", CARD_BYTES_MAX);
    if (!take(&rest, FIRST_LINE, &line) || line.n) return fail(why, ERR_INPUT, "not a member's card: its first line is another");
    if (!take(&rest, STR("name "), &c.name)) return fail(why, ERR_INPUT, "line 2 of the card must be \"name ...\"");
    if (!take(&rest, STR("root "), &line) || !hex_decode(line, sizeof c.root.b, c.root.b))
        return fail(why, ERR_INPUT, "line 3 of the card must be \"root\" and %d hex digits", HEX_ROOT);
    while (take(&rest, STR("url "), &url)) {
        if (c.n_urls == LIMIT_ADDRESSES) return fail(why, ERR_INPUT, "a card has at most %d URLs", LIMIT_ADDRESSES);
        c.urls[c.n_urls++] = url;
    }
    struct str is_signed = str_first(text, text.n - rest.n);
    if (!take(&rest, STR(""), &line) || line.n) return fail(why, ERR_INPUT, "the card's empty line is missing, or a line is not one of a card");
    if (!take(&rest, STR("signature "), &line) || rest.n || !hex_decode(line, sizeof signature, signature))
        return fail(why, ERR_INPUT, "the card must end with \"signature\" and %d hex digits", HEX_SIGNATURE);
    TRY(check(&c, why));
    if (!key_verify(&c.root, is_signed, signature))
        return fail(why, ERR_INPUT, "the card's signature is not good: it was changed after it was made");
    *ret = c;
    return OK;
}

/* test_buf.c - bytes that grow, arrays that grow, and the one-line errors.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/buf.h"

#include "base/err.h"
#include "base/vec.h"
#include "t.h"

VEC_DEFINE(str_vec, struct str);

static void a_zero_buf_is_empty_and_may_be_freed_twice(void)
{
    struct buf b = {0};
    buf_done(&b);
    buf_add(&b, NULL, 0);
    buf_add_str(&b, STR(""));
    CHECK_INT(b.n, 0);
    CHECK_STR(str_of(buf_z(&b)), STR(""));
    CHECK_INT(b.n, 0);
    buf_done(&b);
    CHECK(b.at == NULL && b.n == 0 && b.room == 0);
    buf_done(&b);
    buf_done(NULL);
}

static void what_is_added_stands_there_in_order(void)
{
    AUTO(buf_done) struct buf b = {0};
    buf_add_char(&b, 'a');
    buf_add_str(&b, STR("bc"));
    buf_add(&b, "\0d", 2);
    buf_addf(&b, "%d-%s", 12, "xyz");
    CHECK_STR(buf_str(&b), str_make("abc\0d12-xyz", 11));
    buf_clear(&b);
    CHECK_INT(b.n, 0);
    CHECK(b.room > 0);
}

static void a_buf_grows_byte_by_byte_and_in_leaps(void)
{
    AUTO(buf_done) struct buf b = {0};
    bool same = true;
    for (int i = 0; i < 100000; i++) buf_add_char(&b, (char)(i * 31));
    char *to = buf_reserve(&b, 1000000);
    memset(to, 'z', 1000000);
    b.n += 1000000;
    CHECK_INT(b.n, 1100000);
    for (int i = 0; i < 100000; i++) same = same && b.at[i] == (char)(i * 31);
    CHECK(same);
    CHECK(b.at[100000] == 'z' && b.at[1099999] == 'z');
}

static void numbers_are_decimal_at_their_extremes(void)
{
    AUTO(buf_done) struct buf b = {0};
    buf_add_u64(&b, 0);
    buf_add_char(&b, ' ');
    buf_add_u64(&b, UINT64_MAX);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, INT64_MIN);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, INT64_MAX);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, -1);
    CHECK_STR(buf_str(&b), STR("0 18446744073709551615 -9223372036854775808 9223372036854775807 -1"));
}

static void a_formatted_text_of_any_length_is_whole(void)
{
    for (int n = 0; n < 300; n++) { /* Some fill the room exactly. */
        AUTO(buf_done) struct buf b = {0};
        buf_add_str(&b, STR("x"));
        buf_addf(&b, "%*s|", n, "");
        CHECK_INT(b.n, n + 2);
        CHECK(b.at[n + 1] == '|');
    }
}

static void the_nul_of_buf_z_is_not_counted(void)
{
    AUTO(buf_done) struct buf b = {0};
    for (int i = 0; i < 64; i++) buf_add_char(&b, 'a'); /* Fills the room exactly. */
    CHECK_INT(strlen(buf_z(&b)), 64);
    CHECK_INT(b.n, 64);
    buf_add_char(&b, 'b');
    CHECK_INT(strlen(buf_z(&b)), 65);
}

static void a_vec_keeps_what_was_added(void)
{
    AUTO(u32_vec_done) struct u32_vec v = {0};
    AUTO(str_vec_done) struct str_vec texts = {0};
    for (uint32_t i = 0; i < 1000; i++) u32_vec_add(&v, i * i);
    uint32_t *to = u32_vec_reserve(&v, 5000);
    for (uint32_t i = 0; i < 5000; i++) to[i] = i;
    v.n += 5000;
    CHECK_INT(v.n, 6000);
    CHECK(v.room >= v.n);
    for (uint32_t i = 0; i < 1000; i++) CHECK_INT(v.at[i], i * i);
    CHECK_INT(v.at[5999], 4999);
    str_vec_add(&texts, STR("a"));
    CHECK_STR(texts.at[0], STR("a"));
    str_vec_clear(&texts);
    CHECK_INT(texts.n, 0);
    CHECK(texts.room > 0);
    u32_vec_done(NULL);
}

static enum err fail_if(bool fails, struct why *why)
{
    if (fails) return fail(why, ERR_INPUT, "extents[%d]: no outline", 3);
    return OK;
}

static enum err pass_on(bool fails, bool *ret_went_on, struct why *why)
{
    TRY(fail_if(fails, why));
    *ret_went_on = true;
    return OK;
}

static void an_error_carries_its_line_and_stops_the_caller(void)
{
    struct why why = {{0}};
    bool went_on = false;
    CHECK_INT(pass_on(true, &went_on, &why), ERR_INPUT);
    CHECK(!went_on);
    CHECK_STR(str_of(why.text), STR("extents[3]: no outline"));
    CHECK_INT(pass_on(true, &went_on, NULL), ERR_INPUT);
    CHECK_INT(pass_on(false, &went_on, &why), OK);
    CHECK(went_on);
}

static void a_long_line_is_cut_at_its_end(void)
{
    struct why why;
    CHECK_INT(fail(&why, ERR_NET, "%0500d", 7), ERR_NET);
    CHECK_INT(strlen(why.text), sizeof why.text - 1);
}

static void every_code_has_name_status_and_text(void)
{
    CHECK_STR(str_of(err_name(ERR_CONFLICT)), STR("ERR_CONFLICT"));
    CHECK_INT(err_status(OK), 200);
    CHECK_INT(err_status(ERR_TOO_LARGE), 413);
    CHECK_STR(str_of(err_text(ERR_DISK)), STR("storage failed"));
    for (enum err code = OK; code <= ERR_NET; code++) {
        CHECK(err_status(code) >= 200 && err_status(code) < 600);
        CHECK(strlen(err_name(code)) > 0 && strlen(err_text(code)) > 0);
    }
}

int main(void)
{
    RUN(a_zero_buf_is_empty_and_may_be_freed_twice);
    RUN(what_is_added_stands_there_in_order);
    RUN(a_buf_grows_byte_by_byte_and_in_leaps);
    RUN(numbers_are_decimal_at_their_extremes);
    RUN(a_formatted_text_of_any_length_is_whole);
    RUN(the_nul_of_buf_z_is_not_counted);
    RUN(a_vec_keeps_what_was_added);
    RUN(an_error_carries_its_line_and_stops_the_caller);
    RUN(a_long_line_is_cut_at_its_end);
    RUN(every_code_has_name_status_and_text);
    return t_done();
}

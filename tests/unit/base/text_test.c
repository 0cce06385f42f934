/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/text.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_escape(void **state)
{
  (void)state;
  static const struct {
    const char *in;
    const char *want;
  } cases[] = {
      {"\x1b]0;owned\x07", "\\x1b]0;owned\\x07"}, /* terminal title */
      {"a\r\nb\tc", "a\\x0d\\x0ab\\x09c"},        /* a second log line */
      {"\x7f", "\\x7f"},                          /* DEL */
      {"\xc2\x9b"
       "31m",
       "\\xc2\\x9b"
       "31m"}, /* C1: CSI in one character */
      {"\xe2\x80\xae"
       "gpj",
       "\\xe2\\x80\\xae"
       "gpj"},                                      /* right-to-left override */
      {"\xe2\x81\xa6", "\\xe2\\x81\\xa6"},          /* isolate */
      {"\xe2\x80\xa8", "\\xe2\\x80\\xa8"},          /* line separator */
      {"\xd8\x9c", "\\xd8\\x9c"},                   /* arabic letter mark */
      {"\xc0\xaf", "\\xc0\\xaf"},                   /* overlong '/' */
      {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},          /* overlong, three bytes */
      {"\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"}, /* overlong, four */
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* surrogate */
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* beyond U+10FFFF */
      {"\xff\xfe", "\\xff\\xfe"},                   /* never in UTF-8 */
      {"\xe2\x82", "\\xe2\\x82"},                   /* cut character */
      {"\x80", "\\x80"},                            /* continuation alone */
      {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb3", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb3"},
      {"x##[stop-commands]y", "x##\\x5bstop-commands]y"}, /* a command to GitHub's runner */
      {"###[[##", "###\\x5b[##"},
      {"", ""},
      {"plain 'text' \\ %s", "plain 'text' \\ %s"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char out[200];
    sp_text_escape(out, sizeof out, sp_span_str(cases[i].in));
    assert_string_equal(out, cases[i].want);
  }
}

static void test_finds_what_is_unsafe(void **state)
{
  (void)state;
  static const struct {
    const char *in;
    size_t at, len;
    uint32_t code;
  } cases[] = {
      {"", 0, 0, 0},
      {"plain \xe2\x82\xac #[ ##", 14, 0, 0},
      {"a\x1b[", 1, 1, 0x1b},
      {"ab\xe2\x80\xae", 2, 3, 0x202e},
      {"\xc2\x9b", 0, 2, 0x9b},
      {"ab\xff", 2, 1, 0xff},
      {"x##[y", 3, 1, '['},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    size_t at;
    uint32_t code = 0;
    size_t len = sp_text_find_unsafe(sp_span_str(cases[i].in), &at, &code);
    assert_int_equal(len, cases[i].len);
    if (len == 0) {
      assert_int_equal(at, strlen(cases[i].in));
      continue;
    }
    assert_int_equal(at, cases[i].at);
    assert_int_equal(code, cases[i].code);
  }
}

static void test_escape_zero_byte(void **state)
{
  (void)state;
  char out[16];
  sp_text_escape(out, sizeof out, SP_SPAN("a\0b", 3));
  assert_string_equal(out, "a\\x00b");
}

/* Whatever the room: terminated, within it, and never half an escape or half a character. */
static void test_escape_cuts_at_every_size(void **state)
{
  (void)state;
  static const char in[] = "ab\x1b"
                           "c\xe2\x82\xac"
                           "defghij";
  static const char full[] = "ab\\x1bc\xe2\x82\xac"
                             "defghij";
  for (size_t size = 1; size <= sizeof full + 2; size++) {
    char out[64];
    memset(out, 'Z', sizeof out);
    sp_text_escape(out, size, sp_span_str(in));
    size_t len = strlen(out);
    assert_true(len < size);
    assert_int_equal(out[size], 'Z');
    if (size >= sizeof full) {
      assert_string_equal(out, full);
      continue;
    }
    size_t kept = len >= 3 ? len - 3 : 0;
    assert_int_equal(strncmp(out + kept, "...", len - kept), 0);
    assert_int_equal(strncmp(out, full, kept), 0);
    assert_true(kept == 0 || kept == 1 || kept == 2 || kept == 6 || kept == 7 || kept >= 10);
  }
  sp_text_escape(NULL, 0, sp_span_str(in)); /* no room: nothing is touched */
}

static void test_sizes_for_people(void **state)
{
  (void)state;
  static const struct {
    uint64_t bytes;
    const char *want;
  } cases[] = {
      {0, "0 B"},
      {1023, "1023 B"},
      {1024, "1 KiB"},
      {1536, "1.5 KiB"},
      {10239, "10 KiB"},
      {1024 * 1024 - 1, "1 MiB"},
      {163 * 1024 * 1024, "163 MiB"},
      {UINT64_C(1) << 40, "1 TiB"},
      {UINT64_MAX, "16 EiB"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char out[SP_SIZE_TEXT_MAX];
    sp_text_format_size(out, cases[i].bytes);
    assert_string_equal(out, cases[i].want);
  }
}

static void test_numbers(void **state)
{
  (void)state;
  static const char *const bad[] = {"",
                                    " 1",
                                    "1 ",
                                    "-1",
                                    "+1",
                                    "0x1",
                                    "1.0",
                                    "1e3",
                                    "18446744073709551616",
                                    "99999999999999999999999"};
  uint64_t n = 7;
  for (size_t i = 0; i < COUNT(bad); i++)
    assert_int_equal(sp_text_parse_u64(sp_span_str(bad[i]), &n), -1);
  assert_int_equal(n, 7);
  assert_int_equal(sp_text_parse_u64(SP_SPAN("12\0", 3), &n), -1);
  assert_int_equal(sp_text_parse_u64(sp_span_str("18446744073709551615"), &n), 0);
  assert_true(n == UINT64_MAX);
  assert_int_equal(sp_text_parse_u64(sp_span_str("007"), &n), 0);
  assert_int_equal(n, 7);
}

static void test_copies(void **state)
{
  (void)state;
  struct sp_err err;
  char out[4] = "zzz";
  assert_int_equal(sp_text_copy(out, sizeof out, sp_span_str("abcd"), &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_string_equal(out, "");
  assert_int_equal(sp_text_copy(out, sizeof out, sp_span_str("abc"), &err), 0);
  assert_string_equal(out, "abc");
  SP_AUTO_FREE char *dup = (char *)1;
  assert_int_equal(sp_text_dup(&dup, NULL, &err), 0);
  assert_null(dup);
  assert_int_equal(sp_text_dup_span(&dup, SP_SPAN("hello", 4), &err), 0);
  assert_string_equal(dup, "hell");
  SP_AUTO_FREE char *made = NULL;
  assert_int_equal(sp_text_format(&made, &err, "%s/%d", "a", 5), 0);
  assert_string_equal(made, "a/5");
  char line[6] = "";
  sp_text_append(line, sizeof line, "%s", "ab");
  assert_string_equal(line, "ab");
  sp_text_append(line, sizeof line, "%d", 345678);
  assert_string_equal(line, "ab345"); /* what does not fit is cut off */
  sp_text_append(line, sizeof line, "x");
  assert_string_equal(line, "ab345");
}

static void test_lists_of_names(void **state)
{
  (void)state;
  char list[16] = "";
  sp_text_append_name(list, sizeof list, "v1");
  assert_string_equal(list, "v1");
  sp_text_append_name(list, sizeof list, "v2.0");
  assert_string_equal(list, "v1, v2.0");
  sp_text_append_name(list, sizeof list, "v3");
  assert_string_equal(list, "v1, v2.0, ..."); /* "v3" would leave no room for the dots */
  sp_text_append_name(list, sizeof list, "a");
  assert_string_equal(list, "v1, v2.0, ...");
  char exact[sizeof "v1, ..."] = "";
  sp_text_append_name(exact, sizeof exact, "v1");
  sp_text_append_name(exact, sizeof exact, "v2");
  assert_string_equal(exact, "v1, ...");
  char tiny[8] = "";
  sp_text_append_name(tiny, sizeof tiny, "a-long-name");
  assert_string_equal(tiny, "...");
}

static void test_base64_vectors(void **state)
{
  (void)state;
  static const struct {
    const char *plain, *padded, *bare;
  } cases[] = {/* RFC 4648 10 */
               {"", "", ""},
               {"f", "Zg==", "Zg"},
               {"fo", "Zm8=", "Zm8"},
               {"foo", "Zm9v", "Zm9v"},
               {"foob", "Zm9vYg==", "Zm9vYg"},
               {"fooba", "Zm9vYmE=", "Zm9vYmE"},
               {"foobar", "Zm9vYmFy", "Zm9vYmFy"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_err err;
    SP_AUTO_BUF struct sp_buf buf;
    sp_buf_init(&buf, 100);
    assert_int_equal(sp_text_base64_encode(&buf, sp_span_str(cases[i].plain), &err), 0);
    assert_string_equal(sp_buf_str(&buf), cases[i].padded);
    sp_buf_reset(&buf);
    assert_int_equal(sp_text_base64_decode(&buf, sp_span_str(cases[i].padded), &err), 0);
    assert_string_equal(sp_buf_str(&buf), cases[i].plain);
    sp_buf_reset(&buf);
    assert_int_equal(sp_text_base64_decode(&buf, sp_span_str(cases[i].bare), &err), 0);
    assert_string_equal(sp_buf_str(&buf), cases[i].plain);
  }
}

static void test_base64_refuses(void **state)
{
  (void)state;
  static const char *const bad[] = {"Z",     "Zm9vY", "Zg=",  "Zm8==",  "=",        "====",
                                    "Zg== ", "Zm 9v", "Z-9_", "Zm9v\n", "Zg==Zg==", "Zm=v"};
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct sp_err err;
    SP_AUTO_BUF struct sp_buf buf;
    sp_buf_init(&buf, 100);
    assert_int_equal(sp_buf_append_str(&buf, "kept", &err), 0);
    assert_int_equal(sp_text_base64_decode(&buf, sp_span_str(bad[i]), &err), -1);
    assert_int_equal(err.code, SP_E_INVALID);
    assert_string_equal(sp_buf_str(&buf), "kept");
  }
}

static void test_base64_round_trip(void **state)
{
  (void)state;
  for (size_t len = 0; len < 130; len++) {
    struct sp_err err;
    char bytes[130];
    for (size_t i = 0; i < len; i++)
      bytes[i] = (char)sp_random_u64();
    SP_AUTO_BUF struct sp_buf text;
    SP_AUTO_BUF struct sp_buf back;
    sp_buf_init(&text, 4 * ((len + 2) / 3)); /* exactly enough */
    sp_buf_init(&back, len);
    assert_int_equal(sp_text_base64_encode(&text, SP_SPAN(bytes, len), &err), 0);
    assert_int_equal(sp_text_base64_decode(&back, sp_buf_span(&text), &err), 0);
    assert_true(sp_span_eq(sp_buf_span(&back), SP_SPAN(bytes, len)));
  }
}

static void test_percent_encoding(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_BUF struct sp_buf buf;
  sp_buf_init(&buf, 100);
  assert_int_equal(sp_text_percent_encode(&buf, SP_SPAN_LIT("aZ09-._~ /:?&=%+\xc3\xa9\x00"), &err),
                   0);
  assert_string_equal(sp_buf_str(&buf), "aZ09-._~%20%2F%3A%3F%26%3D%25%2B%C3%A9%00");
  SP_AUTO_BUF struct sp_buf small;
  sp_buf_init(&small, 4);
  assert_int_equal(sp_text_percent_encode(&small, SP_SPAN_LIT("ab/"), &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_int_equal(small.len, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_escape),
      cmocka_unit_test(test_finds_what_is_unsafe),
      cmocka_unit_test(test_escape_zero_byte),
      cmocka_unit_test(test_escape_cuts_at_every_size),
      cmocka_unit_test(test_sizes_for_people),
      cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_copies),
      cmocka_unit_test(test_lists_of_names),
      cmocka_unit_test(test_base64_vectors),
      cmocka_unit_test(test_base64_refuses),
      cmocka_unit_test(test_base64_round_trip),
      cmocka_unit_test(test_percent_encoding),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "oci/digest.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define EMPTY_512 \
  "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce" \
  "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"

static void test_refuses(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    enum sp_code code;
  } cases[] = {
      {"", SP_E_USAGE},
      {":", SP_E_USAGE},
      {"sha256", SP_E_USAGE},
      {"sha256:", SP_E_USAGE},
      {"sha256:../../../../etc/passwd", SP_E_USAGE},
      {"sha256:..%2f..%2fetc", SP_E_USAGE},
      {"sha256:%2e%2e", SP_E_USAGE},
      {"../sha256:" EMPTY, SP_E_USAGE},
      {"sha256/../x:" EMPTY, SP_E_USAGE},
      {"sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", SP_E_USAGE},
      {"SHA256:" EMPTY, SP_E_USAGE},
      {"sha256:" EMPTY "0", SP_E_USAGE},
      {"sha256:" EMPTY "00", SP_E_USAGE},
      {"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85", SP_E_USAGE},
      {"sha256:g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", SP_E_USAGE},
      {" sha256:" EMPTY, SP_E_USAGE},
      {"sha256:" EMPTY " ", SP_E_USAGE},
      {"sha256:" EMPTY "\n", SP_E_USAGE},
      {"sha256::" EMPTY, SP_E_USAGE},
      {"sha512:" EMPTY, SP_E_USAGE},
      {"sha256:" EMPTY_512, SP_E_USAGE},
      {EMPTY, SP_E_USAGE},
      {"sha256-" EMPTY, SP_E_USAGE},
      {"+sha:abc", SP_E_USAGE},
      {"sha++x:abc", SP_E_USAGE},
      {"sha+:abc", SP_E_USAGE},
      {"blake3:" EMPTY, SP_E_UNSUPPORTED},
      {"md5:d41d8cd98f00b204e9800998ecf8427e", SP_E_UNSUPPORTED},
      {"sha384:abc", SP_E_UNSUPPORTED},
      {"sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564", SP_E_UNSUPPORTED},
      {"sha25:" EMPTY, SP_E_UNSUPPORTED},
      {"sha2566:" EMPTY, SP_E_UNSUPPORTED},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_err err;
    struct sp_digest digest;
    if (sp_digest_parse(sp_span_str(cases[i].text), &digest, &err) == 0)
      fail_msg("accepted '%s'", cases[i].text);
    if (err.code != cases[i].code)
      fail_msg("'%s': %s", cases[i].text, err.msg);
  }
}

static void test_zero_byte_and_controls(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_digest digest;
  assert_int_equal(sp_digest_parse(SP_SPAN("sha256:" EMPTY "\0", 72), &digest, &err), -1);
  assert_int_equal(sp_digest_parse(SP_SPAN("sha256:" EMPTY, 70), &digest, &err), -1);
  assert_int_equal(sp_digest_parse(SP_SPAN(NULL, 0), &digest, &err), -1);
  assert_int_equal(sp_digest_parse(SP_SPAN_LIT("sha256:\x1b[31m"), &digest, &err), -1);
  assert_null(strchr(err.msg, '\x1b'));
}

static void test_known_digests(void **state)
{
  (void)state;
  static const struct {
    enum sp_digest_alg alg;
    const char *content;
    const char *text;
  } cases[] = {
      {SP_DIGEST_SHA256, "", "sha256:" EMPTY},
      {SP_DIGEST_SHA512, "", "sha512:" EMPTY_512},
      {SP_DIGEST_SHA256, "{}",
       "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_err err;
    struct sp_digest parsed;
    struct sp_digest computed;
    char text[SP_DIGEST_TEXT_MAX];
    size_t len = strlen(cases[i].content);
    assert_int_equal(sp_digest_parse(sp_span_str(cases[i].text), &parsed, &err), 0);
    assert_int_equal(sp_digest_of(cases[i].alg, cases[i].content, len, &computed, &err), 0);
    assert_true(sp_digest_eq(&parsed, &computed));
    assert_memory_equal(&parsed, &computed, sizeof parsed); /* hashable as a whole */
    sp_digest_format(&parsed, text);
    assert_string_equal(text, cases[i].text);
    sp_digest_format_hex(&parsed, text);
    assert_string_equal(text, cases[i].text + 7);
    assert_int_equal(sp_digest_check(&parsed, cases[i].content, len, &err), 0);
  }
}

static void test_wrong_content_names_both(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_digest want;
  assert_int_equal(sp_digest_parse(SP_SPAN_LIT("sha256:" EMPTY), &want, &err), 0);
  assert_int_equal(sp_digest_check(&want, "{}", 2, &err), -1);
  assert_int_equal(err.code, SP_E_DIGEST);
  assert_non_null(strstr(err.msg, "sha256:" EMPTY));
  assert_non_null(strstr(err.msg, "sha256:44136fa355b3"));
}

static void test_equality_sees_algorithm_and_every_bit(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_digest a;
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA512, "x", 1, &a, &err), 0);
  struct sp_digest b = a;
  b.alg = SP_DIGEST_SHA256;
  assert_false(sp_digest_eq(&a, &b));
  for (size_t bit = 0; bit < 512; bit++) {
    b = a;
    b.raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
    assert_false(sp_digest_eq(&a, &b));
  }
}

static void test_round_trip(void **state)
{
  (void)state;
  for (int i = 0; i < 500; i++) {
    struct sp_err err;
    struct sp_digest a = {.alg = i % 2 ? SP_DIGEST_SHA256 : SP_DIGEST_SHA512};
    struct sp_digest b;
    char text[SP_DIGEST_TEXT_MAX];
    for (size_t k = 0; k < sp_digest_raw_len(a.alg); k++)
      a.raw[k] = (uint8_t)sp_random_u64();
    sp_digest_format(&a, text);
    assert_int_equal(sp_digest_parse(sp_span_str(text), &b, &err), 0);
    assert_memory_equal(&a, &b, sizeof a);
  }
}

/* The same bytes in pieces of any size, and the hasher used again. */
static void test_hasher_in_pieces(void **state)
{
  (void)state;
  struct sp_err err;
  char bytes[1000];
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (char)(i * 7);
  struct sp_digest want;
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, bytes, sizeof bytes, &want, &err), 0);
  SP_AUTO_HASHER struct sp_hasher *hasher = NULL;
  assert_int_equal(sp_hasher_new(SP_DIGEST_SHA256, &hasher, &err), 0);
  for (size_t step = 1; step < 200; step += 13) {
    for (size_t at = 0; at < sizeof bytes; at += step)
      sp_hasher_update(hasher, bytes + at, at + step > sizeof bytes ? sizeof bytes - at : step);
    sp_hasher_update(hasher, NULL, 0);
    struct sp_digest have;
    sp_hasher_finish(hasher, &have);
    assert_true(sp_digest_eq(&have, &want));
  }
}

static void test_no_algorithm(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_digest digest;
  assert_int_equal(sp_digest_of(SP_DIGEST_NONE, "x", 1, &digest, &err), -1);
  assert_int_equal(err.code, SP_E_INTERNAL);
  assert_int_equal(sp_digest_raw_len(SP_DIGEST_NONE), 0);
  assert_int_equal(sp_digest_raw_len((enum sp_digest_alg)77), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_zero_byte_and_controls),
      cmocka_unit_test(test_known_digests),
      cmocka_unit_test(test_wrong_content_names_both),
      cmocka_unit_test(test_equality_sees_algorithm_and_every_bit),
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_hasher_in_pieces),
      cmocka_unit_test(test_no_algorithm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

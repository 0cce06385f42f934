/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "oci/reference.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* Refused as they are and with --lower. */
static const char *const refused[] = {
    "",
    ":",
    "@",
    "/",
    "//",
    ":tag",
    "/x",
    "x/",
    "a//b",
    "docker.io/",
    "ghcr.io/",
    "ghcr.io//x",
    "../../etc/passwd",
    "ghcr.io/../x",
    "ghcr.io/a/../b",
    "ghcr.io/a/./b",
    "ghcr.io/_/b",
    "ghcr.io/a/_b",
    "ghcr.io/a/b_",
    "a___b/c",
    "a..b",
    "a._b",
    "-a",
    "a-",
    "a b",
    " a",
    "a ",
    "a\n",
    "a\tb",
    "a%2fb",
    "a?b",
    "a#b",
    "caf\xc3\xa9",
    "https://ghcr.io/o/app",
    "docker://alpine",
    "alpine:",
    "alpine:-x",
    "alpine:.x",
    "alpine:a b",
    "alpine:a/b:c d",
    "alpine:" X64 X64 "x",
    "alpine@",
    "alpine@sha256:abc",
    "alpine@sha256:" HEX "0",
    "alpine@sha256:" HEX "@sha256:" HEX,
    "alpine@sha256:" HEX ":tag",
    "alpine@SHA256:" HEX,
    "alpine@blake3:" HEX,
    "@sha256:" HEX,
    HEX, /* an image ID */
    "host:/x",
    "host:0/x",
    "host:65536/x",
    "host:080/x",
    "host:8o/x",
    "host:80:80/x",
    "user@host.io/x",
    "user:pw@host.io/x",
    "-host.io/x",
    "host-.io/x",
    "ho_st.io/x",
    "a--b__c.d_e/x", /* with a dot it is a host, which has no '_' */
    ".io/x",
    "io./x",
    "a..io/x",
    "127.1:80/x",
    "1.2.3.4.5/x",
    "256.1.1.1/x",
    "0x7f.0.0.0x1/x",
    "[::1/x",
    "[]/x",
    "[::1]x/x",
    "[::1]:/x",
    "[g::1]/x",
    "[::1%25eth0]/x",
    "::1/x",
    X64 "x.io/x", /* a label of 65 */
};

static void test_refuses(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(refused); i++) {
    for (int lower = 0; lower < 2; lower++) {
      struct sp_err err;
      struct sp_ref ref;
      if (sp_ref_parse(sp_span_str(refused[i]), lower, &ref, &err) == 0)
        fail_msg("accepted '%s'", refused[i]);
      assert_int_equal(err.code, SP_E_USAGE);
      assert_int_equal(strncmp(err.msg, "invalid reference '", 19), 0);
    }
  }
}

static void test_zero_bytes(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_ref ref;
  static const char text[] = "ghcr.io/o/app:tag";
  for (size_t i = 0; i + 1 < sizeof text; i++) {
    char copy[sizeof text];
    memcpy(copy, text, sizeof copy);
    copy[i] = '\0';
    assert_int_equal(sp_ref_parse(SP_SPAN(copy, sizeof copy - 1), false, &ref, &err), -1);
  }
  assert_int_equal(sp_ref_parse(SP_SPAN(NULL, 0), false, &ref, &err), -1);
}

static void test_messages(void **state)
{
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"ghcr.io/FangcunMount/x",
       "invalid reference 'ghcr.io/FangcunMount/x': repository name must be lowercase: use "
       "'ghcr.io/fangcunmount/x' (or --lower)"},
      {"FangcunMount/x", "invalid reference 'FangcunMount/x': repository name must be lowercase: "
                         "use 'fangcunmount/x' (or --lower)"},
      {"Alpine:V1", "invalid reference 'Alpine:V1': repository name must be lowercase: use "
                    "'alpine:V1' (or --lower)"},
      {"GHCR.io/O/a:T@sha256:" HEX,
       "invalid reference 'GHCR.io/O/a:T@sha256:" HEX "': repository name must be lowercase: use "
       "'ghcr.io/o/a:T@sha256:" HEX "' (or --lower)"},
      {"ghcr.io/",
       "invalid reference 'ghcr.io/': repository name must have at least one component"},
      {"", "invalid reference '': it is empty"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_err err;
    struct sp_ref ref;
    assert_int_equal(sp_ref_parse(sp_span_str(cases[i].text), false, &ref, &err), -1);
    assert_string_equal(err.msg, cases[i].message);
  }
  struct sp_err err;
  struct sp_ref ref;
  assert_int_equal(sp_ref_parse(sp_span_str("a/\x1b[31mb"), false, &ref, &err), -1);
  assert_null(strchr(err.msg, '\x1b'));
}

static void test_accepts(void **state)
{
  (void)state;
  static const struct {
    const char *text, *host, *repository, *tag;
    bool digest;
  } cases[] = {
      {"alpine", "docker.io", "library/alpine", "", false},
      {"alpine:3.20", "docker.io", "library/alpine", "3.20", false},
      {"localhost:5000", "docker.io", "library/localhost", "5000", false}, /* as docker */
      {"localhost/x", "localhost", "x", "", false},
      {"LocalHost:80/x", "localhost:80", "x", "", false},
      {"u/app", "docker.io", "u/app", "", false},
      {"docker.io/alpine", "docker.io", "library/alpine", "", false},
      {"index.docker.io/alpine", "docker.io", "library/alpine", "", false},
      {"Index.Docker.IO/u/app", "docker.io", "u/app", "", false},
      {"ghcr.io/x", "ghcr.io", "x", "", false},
      {"GHCR.IO/o/app:Tag", "ghcr.io", "o/app", "Tag", false},
      {"ghcr.io/o/app@sha256:" HEX, "ghcr.io", "o/app", "", true},
      {"ghcr.io/o/app:1@sha256:" HEX, "ghcr.io", "o/app", "1", true},
      {"127.0.0.1:5000/a/b/c/d", "127.0.0.1:5000", "a/b/c/d", "", false},
      {"[::1]:5000/x:t", "[::1]:5000", "x", "t", false},
      {"[2001:DB8::1]/x", "[2001:db8::1]", "x", "", false},
      {"host:65535/x", "host:65535", "x", "", false},
      {"x_y/a--b__c.d_e---f", "docker.io", "x_y/a--b__c.d_e---f", "", false},
      {"alpine:_x", "docker.io", "library/alpine", "_x", false},
      {"xn--80ak6aa92e.com/x", "xn--80ak6aa92e.com", "x", "", false},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_err err;
    struct sp_ref ref;
    int result = sp_ref_parse(sp_span_str(cases[i].text), false, &ref, &err);
    if (result < 0)
      fail_msg("%s", err.msg);
    assert_string_equal(ref.host, cases[i].host);
    assert_string_equal(ref.repository, cases[i].repository);
    assert_string_equal(ref.tag, cases[i].tag);
    assert_int_equal(ref.digest.alg != SP_DIGEST_NONE, cases[i].digest);
  }
}

static void test_lower(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_ref ref;
  assert_int_equal(sp_ref_parse(sp_span_str("ghcr.io/FangcunMount/X:Tag"), true, &ref, &err), 0);
  assert_string_equal(ref.repository, "fangcunmount/x");
  assert_string_equal(ref.tag, "Tag"); /* a tag has case */
  assert_int_equal(sp_ref_parse(sp_span_str("FangcunMount/x"), true, &ref, &err), 0);
  assert_string_equal(ref.host, "docker.io");
  assert_string_equal(ref.repository, "fangcunmount/x");
}

static void test_length_of_names(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_ref ref;
  char text[600] = "ghcr.io/";
  memset(text + 8, 'a', 256);
  assert_int_equal(sp_ref_parse(SP_SPAN(text, 8 + 255), false, &ref, &err), 0);
  assert_int_equal(strlen(ref.repository), 255);
  assert_int_equal(sp_ref_parse(SP_SPAN(text, 8 + 256), false, &ref, &err), -1);
  assert_non_null(strstr(err.msg, "255"));
  /* "library/" counts too */
  assert_int_equal(sp_ref_parse(SP_SPAN(text + 8, 247), false, &ref, &err), 0);
  assert_int_equal(sp_ref_parse(SP_SPAN(text + 8, 248), false, &ref, &err), -1);
  memset(text, '.', sizeof text);
  for (size_t i = 0; i < sizeof text; i += 2)
    text[i] = 'a';
  memcpy(text + 255, "/x", 2); /* a host of 255 bytes */
  assert_int_equal(sp_ref_parse(SP_SPAN(text, 257), false, &ref, &err), 0);
  text[255] = '.';
  memcpy(text + 257, "/x", 2);
  assert_int_equal(sp_ref_parse(SP_SPAN(text, 259), false, &ref, &err), -1);
}

static const char alphabet[] = "aA0._-:/@[]% \x01";

/* What is parsed, formatted and parsed again is the same; whatever is accepted is well formed. */
static void test_round_trip_of_noise(void **state)
{
  (void)state;
  int accepted = 0;
  for (int i = 0; i < 200000; i++) {
    char text[16];
    size_t len = sp_random_below(sizeof text);
    for (size_t k = 0; k < len; k++)
      text[k] = alphabet[sp_random_below(sizeof alphabet - 1)];
    struct sp_err err;
    struct sp_ref a;
    struct sp_ref b;
    if (sp_ref_parse(SP_SPAN(text, len), true, &a, &err) < 0)
      continue;
    accepted++;
    assert_true(sp_ref_is_host(sp_span_str(a.host)));
    assert_true(sp_ref_is_repository(sp_span_str(a.repository)));
    assert_true(a.tag[0] == '\0' || sp_ref_is_tag(sp_span_str(a.tag)));
    char formatted[SP_REF_TEXT_MAX];
    sp_ref_format(&a, formatted);
    assert_int_equal(sp_ref_parse(sp_span_str(formatted), false, &b, &err), 0);
    assert_string_equal(a.host, b.host);
    assert_string_equal(a.repository, b.repository);
    assert_string_equal(a.tag, b.tag);
  }
  assert_true(accepted > 100);
}

static void test_format(void **state)
{
  (void)state;
  static const char *const texts[] = {"docker.io/library/alpine", "ghcr.io/o/app:1@sha256:" HEX,
                                      "[::1]:5000/x@sha256:" HEX};
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct sp_err err;
    struct sp_ref ref;
    char out[SP_REF_TEXT_MAX];
    assert_int_equal(sp_ref_parse(sp_span_str(texts[i]), false, &ref, &err), 0);
    sp_ref_format(&ref, out);
    assert_string_equal(out, texts[i]);
  }
}

static void test_digest_tags(void **state)
{
  (void)state;
  static const struct {
    const char *tag;
    bool is;
  } cases[] = {
      {"sha256-" HEX, true},
      {"sha256-" HEX ".sig", true},
      {"sha256-" HEX ".att", true},
      {"sha512-" HEX, true},
      {"sha256-" HEX ".sbom", true},
      {"sha256-" HEX ".sigx", false},
      {"sha256-" HEX "0", false},
      {"sha256-abc", false},
      {"sha256-", false},
      {"sha256-" X64, false},
      {HEX, false},
      {"", false},
      {"sha256:" HEX, false},
      {"latest", false},
      {"sha256-" HEX ".", false},
  };
  for (size_t i = 0; i < COUNT(cases); i++)
    assert_int_equal(sp_ref_is_digest_tag(sp_span_str(cases[i].tag)), cases[i].is);
}

static void test_subject_of_digest_tag(void **state)
{
  (void)state;
  static const struct {
    const char *tag;
    bool is, is_fallback;
  } cases[] = {
      {"sha256-" HEX, true, true},
      {"sha256-" HEX ".sig", true, false},
      {"sha256-" HEX ".att", true, false},
      {"sha512-" HEX, false, false}, /* cut: whose it is cannot be said */
      {"sha512-" HEX ".sig", false, false},
      {"blake3-" HEX, false, false},
      {"sha256-" HEX ".exe", false, false},
      {"latest", false, false},
      {"", false, false},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_digest subject = {0};
    bool is_fallback = false;
    char text[SP_DIGEST_TEXT_MAX];
    assert_int_equal(sp_ref_digest_tag_subject(sp_span_str(cases[i].tag), &subject, &is_fallback),
                     cases[i].is);
    if (!cases[i].is)
      continue;
    sp_digest_format(&subject, text);
    assert_string_equal(text, "sha256:" HEX);
    assert_int_equal(is_fallback, cases[i].is_fallback);
  }
}

static void test_referrers_tag(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_digest digest;
  char tag[SP_MAX_TAG + 1];
  assert_int_equal(sp_digest_parse(SP_SPAN_LIT("sha256:" HEX), &digest, &err), 0);
  sp_ref_referrers_tag(&digest, tag);
  assert_string_equal(tag, "sha256-" HEX);
  assert_int_equal(sp_digest_parse(SP_SPAN_LIT("sha512:" HEX HEX), &digest, &err), 0);
  sp_ref_referrers_tag(&digest, tag);
  assert_string_equal(tag, "sha512-" HEX); /* cut at 64 */
  assert_true(sp_ref_is_tag(sp_span_str(tag)));
}

static void test_ranks(void **state)
{
  (void)state;
  static const struct {
    const char *tag;
    int rank;
  } cases[] = {
      {"latest", 2},
      {"Latest", 1},
      {"latest-1", 1},
      {"main", 1},
      {"stable", 1},
      {"v1", 1},
      {"1", 1},
      {"1.x", 1},
      {"v", 1},
      {"v.1", 1},
      {"1.", 1},
      {".1", 1},
      {"", 1},
      {"pr-12", 1},
      {"defaced", 1},
      {"facade", 1},
      {"abc123", 1},
      {"ABCDEF1", 1},
      {"a1b2c3", 1},
      {"a1b2c3d", 0},
      {"sha-a1b2c3d", 0},
      {"1.2", 1},
      {"v1.2", 1},
      {"22.04", 1},
      {"1.2.", 1},
      {"1..2", 1},
      {"1.2.x", 1},
      {"1.2.3", 0},
      {"v1.2.3-rc1", 0},
      {"2024.01.05-rc1", 0},
      {"20240105", 0},
      {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0}, /* 40 */
      {HEX, 0},
      {HEX "0", 1},
      {"sha256-" HEX, 0},
      {"sha256-" HEX ".sig", 0},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    if (sp_ref_tag_rank(cases[i].tag) != cases[i].rank)
      fail_msg("'%s' has rank %d", cases[i].tag, sp_ref_tag_rank(cases[i].tag));
  }
}

static void test_git_sha(void **state)
{
  (void)state;
  static const char *const good[] = {"a1b2c3d", "defaced", "sha-a1b2c3d", "0000000", HEX};
  static const char *const bad[] = {"",           "a1b2c3", "A1B2C3D",         "a1b2c3g",  HEX "0",
                                    "sha-a1b2c3", "sha-",   "sha-sha-a1b2c3d", "a1b2c3d-x"};
  for (size_t i = 0; i < COUNT(good); i++) {
    if (!sp_ref_is_git_sha(sp_span_str(good[i])))
      fail_msg("'%s' is a git sha", good[i]);
  }
  for (size_t i = 0; i < COUNT(bad); i++) {
    if (sp_ref_is_git_sha(sp_span_str(bad[i])))
      fail_msg("'%s' is none", bad[i]);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_zero_bytes),
      cmocka_unit_test(test_messages),
      cmocka_unit_test(test_accepts),
      cmocka_unit_test(test_lower),
      cmocka_unit_test(test_length_of_names),
      cmocka_unit_test(test_format),
      cmocka_unit_test(test_round_trip_of_noise),
      cmocka_unit_test(test_digest_tags),
      cmocka_unit_test(test_referrers_tag),
      cmocka_unit_test(test_subject_of_digest_tag),
      cmocka_unit_test(test_ranks),
      cmocka_unit_test(test_git_sha),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

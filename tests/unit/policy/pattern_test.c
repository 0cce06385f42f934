/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "policy/pattern.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_refuses(void **state)
{
  (void)state;
  static const struct {
    const char *text, *why;
  } bad[] = {
      {"", "empty"},
      {"v*", "write 'glob:'"},
      {"v?", "write 'glob:'"},
      {"[ab]", "write 'glob:'"},
      {"^1.2", "write 'semver:'"},
      {">=1", "write 'semver:'"},
      {"a b", "no tag"},
      {"-x", "no tag"},
      {"a/b", "no tag"},
      {"a:b", "no such kind"},
      {"ref:x", "no such kind"},
      {"regex:.*", "regular expressions"},
      {"re:.*", "regular expressions"},
      {"GLOB:v*", "'glob:' in small letters"},
      {"SemVer:1", "'semver:' in small letters"},
      {":v1", "no tag"},
      {"git_sha", "did you mean 'git-sha'"},
      {"GitSha", "'glob:GitSha'"},
      {"safeport-record", "itself"},
      {"glob:", "nothing follows"},
      {"glob:a/b", "'/'"},
      {"glob:a b", "' '"},
      {"glob:a\\*", "'\\'"},
      {"glob:{a,b}", "'{'"},
      {"glob:a\x1b", "\\x1b"},
      {"glob:[", "closed"},
      {"glob:[a", "closed"},
      {"glob:a[!", "closed"},
      {"glob:[]", "nothing"},
      {"glob:[!]", "nothing"},
      {"glob:[z-a]", "goes down"},
      {"glob:[a/]", "'/'"},
      {"glob:[^a]", "'^'"},
      {"semver:", "missing"},
      {"semver:latest", "'latest'"},
      {"semver:^1 ||", "missing"},
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct sp_pattern pattern = {0};
    struct sp_err err = SP_ERR_INIT;
    if (sp_pattern_parse(sp_span_str(bad[i].text), &pattern, &err) == 0)
      fail_msg("took '%s'", bad[i].text);
    assert_int_equal(err.code, SP_E_USAGE);
    if (!strstr(err.msg, bad[i].why))
      fail_msg("'%s': '%s' lacks '%s'", bad[i].text, err.msg, bad[i].why);
    assert_null(pattern.text);
  }
  struct sp_pattern pattern;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_pattern_parse(SP_SPAN("a\0b", 3), &pattern, &err), -1);
}

static bool matches(const char *text, const char *tag)
{
  SP_CLEANUP(sp_pattern_clear_auto_) struct sp_pattern pattern = {0};
  struct sp_err err = SP_ERR_INIT;
  if (sp_pattern_parse(sp_span_str(text), &pattern, &err) < 0)
    fail_msg("%s", err.msg);
  return sp_pattern_matches(&pattern, tag);
}

static void test_matches(void **state)
{
  (void)state;
  static const struct {
    const char *pattern, *tag;
    bool want;
  } cases[] = {
      {"latest", "latest", true},
      {"latest", "latest2", false},
      {"latest", "Latest", false},
      {"sha256-" HEX, "sha256-" HEX, true},
      {"safeport-latest-20261123T101500Z", "safeport-latest-20261123T101500Z", true},
      {"glob:*", "anything", true},
      {"glob:*", "sha256-" HEX, false},
      {"glob:*", "sha256-" HEX ".sig", false},
      {"glob:*", "safeport-record", false},
      {"glob:safeport-*", "safeport-latest-20261123T101500Z", false},
      {"glob:safeport-*", "safeport-1.0", true},
      {"glob:v*", "v", true},
      {"glob:v*", "xv", false},
      {"glob:v?", "v", false},
      {"glob:v?", "v1", true},
      {"glob:v?", "v12", false},
      {"glob:*-rc*", "1.2-rc", true},
      {"glob:a*b*c", "a-b-b-c-c", true},
      {"glob:a*b*c", "a-c-b", false},
      {"glob:[a-c]x", "bx", true},
      {"glob:[!a-c]x", "bx", false},
      {"glob:[!a-c]x", "dx", true},
      {"glob:[a-]x", "-x", true},
      {"glob:a[-z]", "a-", true},
      {"glob:a[z-]", "a-", true},
      {"glob:**", "x", true},
      {"git-sha", "a1b2c3d", true},
      {"git-sha", "defaced", true},
      {"git-sha", "sha-a1b2c3d", true},
      {"git-sha", HEX, true},
      {"git-sha", "a1b2c3", false},
      {"git-sha", "A1B2C3D", false},
      {"git-sha", "main", false},
      {"semver:^1.2", "v1.3.0", true},
      {"semver:^1.2", "1.3", false},
      {"semver:^1.2", "latest", false},
      {"semver:>=1.0.0-0", "1.0.0-rc.1", true},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    bool want = cases[i].want;
    if (matches(cases[i].pattern, cases[i].tag) != want)
      fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].tag);
  }
}

/* -- against the C library's fnmatch, which backs up and so needs no cleverness */

static void random_text(char *out, size_t max, const char *alphabet)
{
  size_t n = (size_t)rand() % (max + 1);
  for (size_t i = 0; i < n; i++)
    out[i] = alphabet[(size_t)rand() % strlen(alphabet)];
  out[n] = '\0';
}

static void random_glob(char *out)
{
  static const char *const pieces[] = {"*", "*", "*", "?", "a", "b", "-", "[ab]", "[!a]", "[a-b]"};
  out[0] = '\0';
  size_t len = 0;
  for (int n = rand() % 8 + 1; n > 0; n--) {
    const char *piece = pieces[(size_t)rand() % COUNT(pieces)];
    memcpy(out + len, piece, strlen(piece) + 1);
    len += strlen(piece);
  }
}

static void test_as_fnmatch(void **state)
{
  (void)state;
  unsigned seed = 20261125;
  size_t matched = 0;
  srand(seed);
  for (int i = 0; i < 20000; i++) {
    char text[128] = "glob:";
    random_glob(text + 5);
    SP_CLEANUP(sp_pattern_clear_auto_) struct sp_pattern pattern = {0};
    struct sp_err err = SP_ERR_INIT;
    if (sp_pattern_parse(sp_span_str(text), &pattern, &err) < 0)
      fail_msg("%s", err.msg);
    for (int k = 0; k < 20; k++) {
      char tag[16];
      random_text(tag, 10, "aabb-c");
      bool want = fnmatch(text + 5, tag, FNM_NOESCAPE) == 0;
      matched += want;
      if (sp_pattern_matches(&pattern, tag) != want)
        fail_msg("seed %u: '%s' and '%s'", seed, text, tag);
    }
  }
  assert_in_range(matched, 20000, 380000); /* neither always nor never */
}

/* S28: the worst patterns there can be, over 10 000 tags, in under a second of processor time. */
static void test_cost(void **state)
{
  (void)state;
  static const char *const worst[] = {"*a", "a*", "?*", "*[!b]", "*a?", "*aa"};
  char tag[SP_MAX_TAG + 1];
  memset(tag, 'a', SP_MAX_TAG);
  tag[SP_MAX_TAG - 1] = 'b';
  tag[SP_MAX_TAG] = '\0';
  for (size_t i = 0; i < COUNT(worst) + 1; i++) {
    char text[SP_MAX_PATTERN + 1] = "glob:*";
    size_t len = strlen(text);
    const char *piece = i < COUNT(worst) ? worst[i] : "a"; /* the last: one star, a long tail */
    while (len + strlen(piece) + 1 < (i < COUNT(worst) ? SP_MAX_PATTERN : SP_MAX_TAG / 2)) {
      memcpy(text + len, piece, strlen(piece));
      len += strlen(piece);
    }
    text[len++] = 'c';
    SP_CLEANUP(sp_pattern_clear_auto_) struct sp_pattern pattern = {0};
    struct sp_err err = SP_ERR_INIT;
    if (sp_pattern_parse(SP_SPAN(text, len), &pattern, &err) < 0)
      fail_msg("%s", err.msg);
    clock_t begin = clock();
    for (int k = 0; k < 10000; k++)
      assert_false(sp_pattern_matches(&pattern, tag));
    if (clock() - begin > CLOCKS_PER_SEC)
      fail_msg("'%s' took more than a second", pattern.text);
  }
}

static void test_list(void **state)
{
  (void)state;
  SP_CLEANUP(sp_pattern_list_clear_auto_) struct sp_pattern_list list = {0};
  struct sp_err err = SP_ERR_INIT;
  assert_false(sp_pattern_list_matches(&list, "latest"));
  assert_int_equal(sp_pattern_list_add(&list, SP_SPAN_LIT("v*"), &err), -1);
  assert_int_equal(list.count, 0);
  for (size_t i = 0; i < SP_MAX_PATTERNS; i++)
    assert_int_equal(sp_pattern_list_add(&list, SP_SPAN_LIT("glob:v*"), &err), 0);
  assert_int_equal(sp_pattern_list_add(&list, SP_SPAN_LIT("latest"), &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_true(sp_pattern_list_matches(&list, "v1"));
  assert_false(sp_pattern_list_matches(&list, "latest"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),    cmocka_unit_test(test_matches),
      cmocka_unit_test(test_as_fnmatch), cmocka_unit_test(test_cost),
      cmocka_unit_test(test_list),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

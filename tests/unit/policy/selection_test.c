/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "policy/selection.h"
#include "policy/tag_kind.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DAY 86400
#define NOW (1000 * DAY)
#define UNKNOWN SP_TIME_UNKNOWN

#define LIST_MAX 6

struct rules {
  const char *include[LIST_MAX], *exclude[LIST_MAX];
  uint32_t newest;
  int64_t since_s;
};

static void add_all(struct sp_pattern_list *list, const char *const *texts)
{
  struct sp_err err = SP_ERR_INIT;
  for (size_t i = 0; i < LIST_MAX && texts[i]; i++) {
    if (sp_pattern_list_add(list, sp_span_str(texts[i]), &err) < 0)
      fail_msg("%s", err.msg);
  }
}

static struct sp_selection make(const struct rules *rules)
{
  struct sp_selection selection = {.newest = rules->newest, .since_s = rules->since_s};
  add_all(&selection.include, rules->include);
  add_all(&selection.exclude, rules->exclude);
  return selection;
}

struct table_case {
  struct rules rules;
  struct sp_tag_age tags[16];
  const char *want; /* one '+' or '-' a tag */
  size_t undecided;
};

static const struct table_case table[] = {
    /* without rules all tags, but none of our own and no digest tags */
    {{.newest = 0},
     {{"latest", UNKNOWN},
      {"sha256-" HEX, UNKNOWN},
      {"sha256-" HEX ".sig", UNKNOWN},
      {SP_RECORD_TAG, UNKNOWN},
      {"safeport-latest-20261123T101500Z", UNKNOWN},
      {"safeport-1.0", UNKNOWN}},
     "+----+",
     0},
    /* an exact name brings in what a pattern does not, but never the record */
    {{.include = {"safeport-latest-20261123T101500Z", "glob:*record"}},
     {{SP_RECORD_TAG, 0}, {"safeport-latest-20261123T101500Z", 0}, {"record", 0}},
     "-++",
     0},
    /* exclude wins, over exact names too */
    {{.include = {"latest", "glob:v*"}, .exclude = {"glob:*-rc*", "latest"}},
     {{"latest", 0}, {"v1", 0}, {"v1-rc1", 0}, {"main", 0}},
     "-+--",
     0},
    /* versions are ordered by precedence, not by age nor by letters; names do not count */
    {{.include = {"latest", "glob:v*"}, .newest = 2},
     {{"v1.9.0", 5}, {"v1.10.0", 1}, {"v1.2.0", 9}, {"latest", 0}, {"v1.10.0-rc.1", 7}},
     "-+-++",
     0},
    /* one that is no version, and age decides */
    {{.include = {"glob:v*"}, .newest = 2},
     {{"v1.9.0", 5}, {"v1.10.0", 1}, {"v1.2.0", 9}, {"vnext", 0}},
     "+-+-",
     0},
    /* each pattern counts by itself: commits do not push releases out */
    {{.include = {"semver:*", "git-sha"}, .newest = 1},
     {{"1.0.0", 1}, {"1.1.0", 2}, {"aaaaaa1", 10}, {"aaaaaa2", 11}, {"aaaaaa3", 12}},
     "-+--+",
     0},
    /* unknown age stays, and does not use a place up; so do those that tie at the cut */
    {{.include = {"git-sha"}, .newest = 1},
     {{"aaaaaa1", UNKNOWN}, {"aaaaaa2", 7}, {"aaaaaa3", 7}, {"aaaaaa4", 6}, {"aaaaaa5", UNKNOWN}},
     "+++-+",
     3},
    {{.include = {"git-sha"}, .newest = 2}, {{"aaaaaa1", 1}, {"aaaaaa2", 1}}, "++", 0},
    /* "1.0.0" and "v1.0.0" are one version */
    {{.newest = 1}, {{"1.0.0", 0}, {"v1.0.0", 0}, {"0.9.0", 0}}, "++-", 1},
    {{.newest = 5}, {{"a", 0}, {"b", 0}}, "++", 0},
    /* since: by age, unknown stays */
    {{.since_s = 10 * DAY},
     {{"a", NOW}, {"b", NOW - 10 * DAY}, {"c", NOW - 10 * DAY - 1}, {"d", UNKNOWN}},
     "++-+",
     1},
    /* measured from the newest: a repository that rests is not emptied */
    {{.since_s = 10 * DAY},
     {{"a", NOW - 500 * DAY}, {"b", NOW - 505 * DAY}, {"c", NOW - 511 * DAY}},
     "++-",
     0},
    /* the newest may be a tag that is not selected */
    {{.include = {"glob:v*"}, .since_s = 10 * DAY},
     {{"main", NOW - 100 * DAY}, {"v1", NOW - 105 * DAY}, {"v2", NOW - 115 * DAY}},
     "-+-",
     0},
    /* a time in the future is kept, and does not move the horizon */
    {{.since_s = 10 * DAY}, {{"a", NOW + 900 * DAY}, {"b", NOW - DAY}}, "++", 0},
    {{.since_s = INT64_MAX}, {{"a", INT64_MIN + 1}, {"b", -5}}, "++", 0},
    /* both: one is enough */
    {{.newest = 1, .since_s = 10 * DAY},
     {{"a", NOW}, {"b", NOW - 5 * DAY}, {"c", NOW - 50 * DAY}},
     "++-",
     0},
    {{.newest = 2, .since_s = DAY}, {{"a", NOW}, {"b", NOW - 50 * DAY}}, "++", 0},
    /* names and exclusions stand outside of both */
    {{.include = {"old", "glob:*"}, .exclude = {"b"}, .newest = 1, .since_s = DAY},
     {{"old", NOW - 900 * DAY}, {"a", NOW}, {"b", NOW}, {"c", NOW - 90 * DAY}},
     "++--",
     0},
    {{.newest = 1, .since_s = DAY}, {{NULL, 0}}, "", 0},
};

static void test_table(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(table); i++) {
    SP_CLEANUP(sp_selection_clear_auto_) struct sp_selection selection = make(&table[i].rules);
    size_t count = strlen(table[i].want), undecided = 99;
    bool selected[16];
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(
        sp_selection_apply(&selection, table[i].tags, count, NOW, selected, &undecided, &err), 0);
    for (size_t k = 0; k < count; k++) {
      if (selected[k] != (table[i].want[k] == '+'))
        fail_msg("row %zu: '%s' was %s", i, table[i].tags[k].name, selected[k] ? "taken" : "left");
      bool by_patterns = sp_selection_matches(&selection, table[i].tags[k].name);
      if (selected[k] && !by_patterns)
        fail_msg("row %zu: '%s' matches nothing", i, table[i].tags[k].name);
      if (!sp_selection_thins(&selection))
        assert_int_equal(selected[k], by_patterns);
    }
    if (undecided != table[i].undecided)
      fail_msg("row %zu: %zu undecided", i, undecided);
  }
}

/* -- against the definition, read off word by word, in quadratic time */

#define RANDOM_TAGS 24

static bool is_contender(const struct sp_selection *rules, const struct sp_pattern *pattern,
                         const char *tag)
{
  if (sp_pattern_list_matches(&rules->exclude, tag))
    return false;
  for (size_t i = 0; i < rules->include.count; i++) {
    if (rules->include.items[i].kind == SP_PATTERN_EXACT &&
        strcmp(rules->include.items[i].text, tag) == 0)
      return false;
  }
  return sp_pattern_matches(pattern, tag);
}

/* Fewer than N contenders are known to be newer. */
static bool is_among_newest(const struct sp_selection *rules, const struct sp_pattern *pattern,
                            const struct sp_tag_age *tags, size_t count, size_t me)
{
  struct sp_semver mine, other;
  bool all_versions = true;
  size_t newer = 0;
  if (!is_contender(rules, pattern, tags[me].name))
    return false;
  for (size_t i = 0; i < count; i++) {
    if (is_contender(rules, pattern, tags[i].name))
      all_versions = all_versions && sp_semver_parse(sp_span_str(tags[i].name), &other);
  }
  if (!all_versions && tags[me].first_seen_s == UNKNOWN)
    return true;
  for (size_t i = 0; i < count; i++) {
    if (!is_contender(rules, pattern, tags[i].name))
      continue;
    if (all_versions) {
      (void)sp_semver_parse(sp_span_str(tags[me].name), &mine);
      (void)sp_semver_parse(sp_span_str(tags[i].name), &other);
      newer += sp_semver_compare(&other, &mine) > 0;
    } else {
      newer += tags[i].first_seen_s > tags[me].first_seen_s;
    }
  }
  return newer < rules->newest;
}

static bool should_be_selected(const struct sp_selection *rules, const struct sp_tag_age *tags,
                               size_t count, size_t me)
{
  const char *tag = tags[me].name;
  if (!sp_selection_matches(rules, tag))
    return false;
  int64_t newest = UNKNOWN;
  for (size_t i = 0; i < count; i++)
    newest = tags[i].first_seen_s > newest ? tags[i].first_seen_s : newest;
  int64_t from = newest == UNKNOWN || newest > NOW ? NOW : newest;
  if (rules->since_s > 0 &&
      (tags[me].first_seen_s == UNKNOWN || tags[me].first_seen_s >= from - rules->since_s))
    return true;
  bool is_by_pattern = false;
  for (size_t i = 0; i < rules->include.count; i++) {
    if (rules->newest > 0 && is_among_newest(rules, &rules->include.items[i], tags, count, me))
      return true;
    is_by_pattern = is_by_pattern || is_contender(rules, &rules->include.items[i], tag);
  }
  return !is_by_pattern || !sp_selection_thins(rules);
}

static void random_tag(char out[32])
{
  switch (rand() % 4) {
  case 0:
    snprintf(out, 32, "v%d.%d.0", rand() % 3, rand() % 12);
    return;
  case 1:
    snprintf(out, 32, "%d.%d.0-rc.%d", rand() % 3, rand() % 12, rand() % 12);
    return;
  case 2:
    snprintf(out, 32, "a%06x", (unsigned)rand() & 0xFFFFFF);
    return;
  default:
    snprintf(out, 32, "pr-%d", rand() % 50);
  }
}

static void test_properties(void **state)
{
  (void)state;
  static const char *const pool[] = {"glob:*", "glob:v*",   "semver:*", "git-sha",
                                     "pr-1",   "glob:pr-*", "v1.1.0",   "semver:>=1.0.0-0"};
  srand(7);
  for (int round = 0; round < 3000; round++) {
    struct rules rules = {.newest = (uint32_t)(rand() % 5), .since_s = rand() % 3 * 20 * DAY};
    for (int i = rand() % 3 + 1; i > 0; i--)
      rules.include[i - 1] = pool[(size_t)rand() % COUNT(pool)];
    rules.exclude[0] = rand() % 2 ? pool[(size_t)rand() % COUNT(pool)] : NULL;
    SP_CLEANUP(sp_selection_clear_auto_) struct sp_selection selection = make(&rules);
    char names[RANDOM_TAGS][32];
    struct sp_tag_age tags[RANDOM_TAGS];
    size_t count = 0;
    for (size_t i = 0; i < RANDOM_TAGS; i++) {
      random_tag(names[i]);
      int64_t age = rand() % 5 == 0 ? UNKNOWN : NOW - rand() % 60 * DAY;
      tags[count++] = (struct sp_tag_age){names[i], age};
    }
    bool selected[RANDOM_TAGS];
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(sp_selection_apply(&selection, tags, count, NOW, selected, NULL, &err), 0);
    for (size_t i = 0; i < count; i++) {
      if (selected[i] != should_be_selected(&selection, tags, count, i))
        fail_msg("round %d: '%s' was %s", round, names[i], selected[i] ? "taken" : "left");
    }
  }
}

/* Ten times the tags: about ten times the work (a sort is in it), and far from a second. */
static void test_cost(void **state)
{
  (void)state;
  const size_t count = 100000;
  struct rules rules = {.include = {"git-sha", "semver:*", "glob:*a*b*c*"},
                        .exclude = {"glob:*x*y*z*"},
                        .newest = 10,
                        .since_s = DAY};
  SP_CLEANUP(sp_selection_clear_auto_) struct sp_selection selection = make(&rules);
  SP_AUTO_FREE char *names = malloc(count * 48);
  SP_AUTO_FREE struct sp_tag_age *tags = malloc(count * sizeof *tags);
  SP_AUTO_FREE bool *selected = malloc(count);
  assert_non_null(names);
  assert_non_null(tags);
  assert_non_null(selected);
  for (size_t i = 0; i < count; i++) {
    snprintf(names + 48 * i, 48, "%040zx", i);
    tags[i] = (struct sp_tag_age){names + 48 * i, NOW - (int64_t)i};
  }
  struct sp_err err = SP_ERR_INIT;
  clock_t begin = clock();
  assert_int_equal(sp_selection_apply(&selection, tags, count, NOW, selected, NULL, &err), 0);
  assert_true(clock() - begin < 2 * CLOCKS_PER_SEC);
  assert_true(selected[0]);
  assert_false(selected[count - 1]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_properties),
      cmocka_unit_test(test_cost),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/report.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define PLACES 3
#define NONE ((enum sp_tag_result) - 1)

struct exit_case {
  const char *why;
  enum sp_report_kind kind;
  enum sp_code job;
  int signal;
  enum sp_code places[PLACES];
  const char *finding; /* damage at place 0 */
  enum sp_tag_result tags[PLACES];
  int status;
};

#define SET3 \
  { \
    SP_TAG_SET, SP_TAG_SET, SP_TAG_SET \
  }
#define NOT3 \
  { \
    SP_TAG_NOT_SET, SP_TAG_NOT_SET, SP_TAG_NOT_SET \
  }
#define NOTAGS \
  { \
    NONE, NONE, NONE \
  }

static const struct exit_case exit_cases[] = {
    {.why = "all is there", .tags = SET3, .status = 0},
    {.why = "planned and already are fine",
     .tags = {SP_TAG_PLANNED, SP_TAG_ALREADY, SP_TAG_SET},
     .status = 0},
    {.why = "an unsure tag is not there",
     .tags = {SP_TAG_SET, SP_TAG_UNSURE, SP_TAG_SET},
     .status = 1},
    {.why = "held back (--atomic) is partial", .tags = NOT3, .status = 1},
    {.why = "one of three unreachable",
     .places = {SP_E_UNREACHABLE},
     .tags = {SP_TAG_NOT_SET, SP_TAG_SET, SP_TAG_SET},
     .status = 1},
    {.why = "all unreachable, in different words",
     .places = {SP_E_UNREACHABLE, SP_E_TLS, SP_E_SERVER},
     .tags = NOT3,
     .status = 4},
    {.why = "one that went half way is something",
     .places = {SP_E_SERVER, SP_E_SERVER, SP_E_SERVER},
     .tags = {SP_TAG_SET, SP_TAG_NOT_SET, SP_TAG_NOT_SET},
     .status = 1},
    {.why = "all without credentials",
     .places = {SP_E_AUTH, SP_E_AUTH, SP_E_AUTH},
     .tags = NOT3,
     .status = 8},
    {.why = "two classes",
     .places = {SP_E_AUTH, SP_E_UNREACHABLE, SP_E_AUTH},
     .tags = NOT3,
     .status = 1},
    {.why = "full is of no class of its own",
     .places = {SP_E_STORE_FULL, SP_E_UNREACHABLE, SP_E_UNREACHABLE},
     .tags = NOT3,
     .status = 1},
    {.why = "two unreachable, one held back",
     .places = {SP_E_UNREACHABLE, SP_E_UNREACHABLE},
     .tags = NOT3,
     .status = 4},
    {.why = "the source cannot be reached", .job = SP_E_UNREACHABLE, .tags = NOT3, .status = 4},
    {.why = "the source refuses us", .job = SP_E_AUTH, .tags = NOT3, .status = 8},
    {.why = "no such tag at the source", .job = SP_E_NOT_FOUND, .tags = NOT3, .status = 1},
    {.why = "the source has wrong bytes", .job = SP_E_DIGEST, .tags = NOT3, .status = 5},
    {.why = "wrong bytes count though others are fine",
     .places = {SP_OK, SP_E_DIGEST},
     .tags = {SP_TAG_SET, SP_TAG_NOT_SET, SP_TAG_SET},
     .status = 5},
    {.why = "safety before integrity",
     .places = {SP_E_REFUSED, SP_E_DIGEST},
     .tags = NOT3,
     .status = 6},
    {.why = "lock before safety", .places = {SP_E_REFUSED, SP_E_LOCKED}, .tags = NOT3, .status = 3},
    {.why = "local disk before lock", .places = {SP_E_IO, SP_E_LOCKED}, .tags = NOT3, .status = 7},
    {.why = "usage before local disk", .places = {SP_E_IO, SP_E_USAGE}, .tags = NOT3, .status = 2},
    {.why = "a signal before all",
     .job = SP_E_INTERRUPTED,
     .signal = SIGTERM,
     .places = {SP_E_USAGE, SP_E_DIGEST},
     .tags = NOT3,
     .status = 143},
    {.why = "SIGINT", .job = SP_E_INTERRUPTED, .signal = SIGINT, .tags = SET3, .status = 130},
    {.why = "verify: whole and equal", .kind = SP_REPORT_VERIFY, .tags = NOTAGS, .status = 0},
    {.why = "verify: missing",
     .kind = SP_REPORT_VERIFY,
     .finding = SP_FINDING_MISSING,
     .tags = NOTAGS,
     .status = 1},
    {.why = "verify: different",
     .kind = SP_REPORT_VERIFY,
     .finding = SP_FINDING_DIFFERENT,
     .tags = NOTAGS,
     .status = 1},
    {.why = "verify: wrong bytes",
     .kind = SP_REPORT_VERIFY,
     .finding = SP_FINDING_WRONG,
     .tags = NOTAGS,
     .status = 5},
    {.why = "verify: short is wrong",
     .kind = SP_REPORT_VERIFY,
     .finding = SP_FINDING_SHORT,
     .tags = NOTAGS,
     .status = 5},
    {.why = "verify: one side unreachable is all of it",
     .kind = SP_REPORT_VERIFY,
     .places = {SP_E_UNREACHABLE},
     .tags = NOTAGS,
     .status = 4},
    {.why = "kept bad", .finding = SP_FINDING_KEPT_BAD, .tags = SET3, .status = 5},
};

static struct sp_report *report_of(const struct exit_case *c)
{
  static const char *const names[PLACES] = {"a", "b", "c"};
  struct sp_report *report;
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = {.alg = SP_DIGEST_SHA256};
  assert_int_equal(sp_report_new(c->kind, "src", names, PLACES, &report, &err), 0);
  report->err.code = c->job;
  report->err.sys = c->signal;
  for (size_t i = 0; i < PLACES; i++) {
    report->places[i].err.code = c->places[i];
    if (c->tags[i] == NONE)
      continue;
    assert_int_equal(sp_report_add_tag(&report->places[i], "t", &err), 0);
    report->places[i].tags[0].result = c->tags[i];
  }
  if (c->finding)
    assert_int_equal(sp_report_add_damage(&report->places[0], &digest, "layer", c->finding, &err),
                     0);
  return report;
}

static void test_exit_status(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof exit_cases / sizeof exit_cases[0]; i++) {
    struct sp_report *report = report_of(&exit_cases[i]);
    int status = sp_report_exit_status(report);
    if (status != exit_cases[i].status)
      fail_msg("%s: %d, not %d", exit_cases[i].why, status, exit_cases[i].status);
    sp_report_free(report);
  }
}

/* A report with something hostile or unusual in every member. */
static struct sp_report *full_report(void)
{
  static const char *const names[] = {"ghcr.io/o/\"app\"", "vault:x"};
  struct sp_report *report;
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = {.alg = SP_DIGEST_SHA256};
  assert_int_equal(sp_report_new(SP_REPORT_COPY,
                                 "oci:\x01\xff"
                                 "dir",
                                 names, 2, &report, &err),
                   0);
  sp_fail(&report->places[1].err, SP_E_SERVER, "bad \xc3\x28 bytes \"quoted\"");
  report->places[1].err.http_status = 503;
  report->bytes_read = UINT64_MAX;
  report->seconds = 0.006;
  assert_int_equal(sp_report_add_tag(&report->places[0], "latest", &err), 0);
  assert_int_equal(sp_report_add_tag(&report->places[0], "v1", &err), 0);
  assert_int_equal(sp_report_set_before(&report->places[0].tags[1], &(struct sp_digest){0}, &err),
                   0);
  assert_int_equal(
      sp_report_add_damage(&report->places[0], &digest, "layer", SP_FINDING_SHORT, &err), 0);
  sp_report_add_note(report, "a note with a %s", "newline\n");
  sp_report_add_note(report, "a note with a newline\n");
  return report;
}

static void test_json_of_hostile_text(void **state)
{
  (void)state;
  struct sp_report *report = full_report();
  struct sp_err err = SP_ERR_INIT;
  char *text;
  assert_int_equal(sp_report_format_json(report, &text, &err), 0);
  assert_int_equal(text[strlen(text) - 1], '\n');
  assert_non_null(strstr(text, "\"seconds\": 0.006,")); /* and not 0.0060000000000000001 */
  json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
  assert_non_null(doc);
  assert_string_equal(json_string_value(json_object_get(doc, "kind")), "copy");
  assert_true(json_is_null(json_object_get(doc, "error")));
  assert_true(json_is_null(json_object_get(doc, "digest")));
  assert_int_equal(json_integer_value(json_object_get(doc, "bytes_read")), INT64_MAX);
  assert_int_equal(json_array_size(json_object_get(doc, "notes")), 1);
  json_t *one = json_array_get(json_object_get(doc, "places"), 0);
  json_t *two = json_array_get(json_object_get(doc, "places"), 1);
  assert_string_equal(json_string_value(json_object_get(one, "name")), "ghcr.io/o/\"app\"");
  json_t *tags = json_object_get(one, "tags");
  assert_true(json_is_null(json_object_get(json_array_get(tags, 0), "digest_before")));
  assert_string_equal(json_string_value(json_object_get(json_array_get(tags, 1), "digest_before")),
                      "");
  assert_string_equal(json_string_value(json_object_get(json_array_get(tags, 0), "result")),
                      "not_set");
  json_t *error = json_object_get(two, "error");
  assert_string_equal(json_string_value(json_object_get(error, "code")), "server");
  assert_int_equal(json_integer_value(json_object_get(error, "http_status")), 503);
  assert_true(json_is_null(json_object_get(error, "retry_after_ms")));
  json_t *damage = json_array_get(json_object_get(one, "damage"), 0);
  assert_string_equal(json_string_value(json_object_get(damage, "finding")), "short");
  json_decref(doc);
  free(text);
  sp_report_free(report);
}

static void test_damage_is_told_once(void **state)
{
  (void)state;
  struct sp_report *report = full_report();
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = {.alg = SP_DIGEST_SHA256};
  struct sp_report_place *place = &report->places[0];
  assert_int_equal(sp_report_add_damage(place, &digest, "layer", SP_FINDING_SHORT, &err), 0);
  assert_int_equal(place->damage_count, 1);
  assert_int_equal(sp_report_add_damage(place, &digest, "layer", SP_FINDING_MISSING, &err), 0);
  assert_int_equal(place->damage_count, 2);
  sp_report_free(report);
  sp_report_free(NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_exit_status),
      cmocka_unit_test(test_json_of_hostile_text),
      cmocka_unit_test(test_damage_is_told_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What is listed and what is known, put together. How a list is fetched and read is tested in
 * tests/unit/registry/catalog_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../registry/script.h"
#include "api/namespace.h"
#include "base/limits.h"

#define T 1700000000
#define LIST(names) "200\n\n{\"repositories\":[" names "]}"

/* A namespace of the scripted registry, and a journal that lasts as long as the test. */
struct setting {
  struct script script;
  struct sp_session *session;
  struct sp_config *config;
  struct sp_journal *journal;
  struct sp_err err;
};

static void must(const struct setting *setting, int rc)
{
  if (rc < 0)
    fail_msg("%s\n%s", setting->err.msg, setting->script.log);
}

static void setting_open(struct setting *setting, const struct rule *rules, size_t count)
{
  char yaml[256];
  SP_CLEANUP(sp_complaints_clear_auto_) struct sp_complaints complaints = SP_COMPLAINTS_INIT;
  memset(setting, 0, sizeof *setting);
  setting->err = SP_ERR_INIT;
  script_start(&setting->script, rules, count);
  snprintf(yaml, sizeof yaml,
           "version: 1\nimages: {acme: {primary: '%s/acme/*', backups: ['vault:{repo}']}}\n",
           setting->script.host);
  const char *const insecure[] = {setting->script.host, NULL};
  const struct sp_session_settings settings = {.insecure = insecure, .retry_for_ms = 0};
  must(setting, sp_session_new(&settings, &setting->session, &setting->err));
  must(setting,
       sp_config_parse("/x.yaml", sp_span_str(yaml), &setting->config, &complaints, &setting->err));
  must(setting, sp_journal_open(NULL, SP_JOURNAL_WRITE, &setting->journal, &setting->err));
}

static void setting_close(struct setting *setting)
{
  sp_journal_close(setting->journal);
  sp_config_free(setting->config);
  sp_session_free(setting->session);
  script_stop(&setting->script);
}

/* "app web/api!": what earlier runs knew below acme/, "!" if its loss was accepted. */
static void know(struct setting *setting, const char *names)
{
  struct sp_digest digest;
  must(setting, sp_digest_of(SP_DIGEST_SHA256, "x", 1, &digest, &setting->err));
  while (*names) {
    char place[128];
    int len = (int)strcspn(names, " !");
    snprintf(place, sizeof place, "%s/acme/%.*s", setting->script.host, len, names);
    must(setting, sp_known_tell_tag(setting->journal, place, "latest", &digest, T, &setting->err));
    names += len;
    if (*names == '!') {
      must(setting,
           sp_known_tell_tag(setting->journal, place, "latest", NULL, T + 1, &setting->err));
      names++;
    }
    names += *names == ' ';
  }
  sp_journal_flush(setting->journal);
}

/* "app -web": listed, and only known. */
static void tell(const struct sp_namespace *ns, char *out, size_t size)
{
  size_t len = 0;
  out[0] = '\0';
  for (size_t i = 0; i < ns->count && len < size; i++)
    len += (size_t)snprintf(out + len, size - len, "%s%s%s", i ? " " : "",
                            ns->items[i].is_listed ? "" : "-", ns->items[i].name);
}

static void test_listed_and_known(void **state)
{
  (void)state;
  static const struct {
    const char *reply, *known;
    enum sp_code why;
    const char *want;
  } rows[] = {
      /* no list: what was known */
      {"404\n\n", "", SP_E_UNSUPPORTED, ""},
      {"404\n\n", "web app", SP_E_UNSUPPORTED, "-app -web"},
      {"404\n\n", "web app!", SP_E_UNSUPPORTED, "-app -web"},
      {"500\n\n", "web", SP_E_SERVER, "-web"},
      {"401\n\n", "web", SP_E_AUTH, "-web"},
      {"200\n\n<html>", "web", SP_E_PROTOCOL, "-web"},
      /* a list that breaks off is none */
      {"200\nLink: </v2/_catalog?n=100>; rel=\"next\"\n\n{\"repositories\":[\"acme/app\"]}", "web",
       SP_E_PROTOCOL, "-web"},
      /* nothing of ours in it */
      {LIST(""), "", SP_E_NOT_FOUND, ""},
      {LIST("\"acme\",\"acmes/app\",\"x/acme/app\""), "", SP_E_NOT_FOUND, ""},
      {LIST("\"x\""), "app web!", SP_E_NOT_FOUND, "-app -web"},
      /* in order, each once, however it is listed */
      {LIST("\"acme/web\",\"acme/app\",\"acme/web\",\"acme/a/b/c\""), "", SP_OK, "a/b/c app web"},
      {LIST("\"acme/web\",\"acme/acme/web\""), "", SP_OK, "acme/web web"},
      /* known besides */
      {LIST("\"acme/web\""), "web", SP_OK, "web"},
      {LIST("\"acme/web\""), "app web/api zoo", SP_OK, "-app web -web/api -zoo"},
      {LIST("\"acme/web\""), "app! web!", SP_OK, "-app web"},
      {LIST("\"acme/../x\",\"acme/A\",\"acme/\",\"acme/web\""), "", SP_OK, "web"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {{.match = "GET /v2/_catalog", .reply = rows[i].reply}};
    struct setting setting;
    SP_CLEANUP(sp_namespace_clear_auto_) struct sp_namespace ns = {0};
    struct sp_err why = SP_ERR_INIT;
    char told[256];
    setting_open(&setting, rules, COUNT(rules));
    know(&setting, rows[i].known);
    must(&setting, sp_namespace_list(setting.session, setting.journal, setting.config->images, &ns,
                                     &why, &setting.err));
    tell(&ns, told, sizeof told);
    if (why.code != rows[i].why || strcmp(told, rows[i].want) != 0)
      fail_msg("row %zu: %s '%s': %s", i, sp_code_name(why.code), told, why.msg);
    assert_true(why.code == SP_OK || strstr(why.msg, "/acme/*'"));
    setting_close(&setting);
  }
}

/* What is gone is recalled, too: its backups are what is asked for. */
static void test_recalled(void **state)
{
  (void)state;
  static const struct rule rules[] = {{.match = "", .reply = LIST("\"acme/new\"")}};
  struct setting setting;
  SP_CLEANUP(sp_namespace_clear_auto_) struct sp_namespace ns = {0};
  char told[256];
  setting_open(&setting, rules, COUNT(rules));
  know(&setting, "web! app team/web");
  must(&setting, sp_namespace_recall(setting.journal, setting.config->images, &ns, &setting.err));
  tell(&ns, told, sizeof told);
  assert_string_equal(told, "-app -team/web -web");
  assert_int_equal(script_count(&setting.script, "GET"), 0);
  setting_close(&setting);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_listed_and_known),
      cmocka_unit_test(test_recalled),
  };
  setenv("DOCKER_CONFIG", "/nonexistent", 1);
  return cmocka_run_group_tests(tests, NULL, NULL);
}

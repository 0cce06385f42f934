/* SPDX-License-Identifier: Apache-2.0 */
/* What callers of the structs rely on; complaints are compared by tests/cli/test_cli_config.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "config/config.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct sp_config *parse(const char *yaml)
{
  struct sp_config *config = NULL;
  SP_CLEANUP(sp_complaints_clear_auto_) struct sp_complaints complaints = SP_COMPLAINTS_INIT;
  struct sp_err err = SP_ERR_INIT;
  if (sp_config_parse("/etc/c.yaml", sp_span_str(yaml), &config, &complaints, &err) < 0)
    fail_msg("%s: %s", err.msg, complaints.count ? complaints.items[0].text : "");
  return config;
}

static void test_typed(void **state)
{
  (void)state;
  SP_CLEANUP(sp_config_free_auto_)
  struct sp_config *config =
      parse("version: 1\n"
            "images:\n"
            "  app: {primary: acme/app, backups: [vault:app, 'oci:x'], fixed: []}\n"
            "  web: {primary: ghcr.io/a/web, backups: [vault:web],\n"
            "        keep: {candidates: [git-sha], last: 3, within: 2d, max-delete: 7%}}\n"
            "registries:\n"
            "  Index.Docker.io: {username: me, password: pw, token: {created: 1970-01-02, "
            "rotate-after: 1d}}\n"
            "  quay.io: {chunked: 1MiB}\n"
            "max-loss: 0%\n");
  const struct sp_config_image *app = &config->images[0], *web = &config->images[1];
  assert_int_equal(config->image_count, 2);
  assert_string_equal(app->name, "app");
  assert_string_equal(app->primary.text, "docker.io/acme/app");
  assert_string_equal(app->backups.items[1].text, "oci:/etc/x");
  assert_true(app->has_fixed && app->fixed.count == 0 && !web->has_fixed);
  assert_true(!app->keep.is_given && web->keep.is_given);
  assert_true(web->keep.last == 3 && web->keep.within_s == 172800 && web->keep.daily == 0);
  assert_true(web->keep.max_delete_percent == 7 && web->keep.max_delete_count == 100);
  assert_true(app->referrers && app->keep_history == 5 && app->required);
  assert_true(app->tags.include.count == 0 && !sp_selection_thins(&app->tags));
  assert_true(config->max_loss_percent == 0 && config->max_proof_age_s == 604800);
  assert_true(config->jobs == 16 && config->record && config->schedule.verify_read.percent == 5);
  assert_null(config->state.text);

  const struct sp_config_registry *hub = sp_config_registry(config, "docker.io");
  const struct sp_config_registry *quay = sp_config_registry(config, "quay.io");
  assert_non_null(hub);
  assert_non_null(quay);
  assert_null(sp_config_registry(config, "ghcr.io"));
  assert_true(sp_span_eq_str(sp_secret_reveal(&hub->password.secret), "pw"));
  assert_true(hub->token.created_s == 86400 && hub->token.rotate_after_s == 86400);
  assert_true(quay->token.created_s == -1 && quay->token.rotate_after_s == 0);
  assert_true(quay->chunked_bytes == SP_MIB && hub->chunked_bytes == 0);
  assert_true(hub->pull_reserve_percent == 20 && !hub->insecure && hub->at.line == 7);
}

static void test_names(void **state)
{
  (void)state;
  SP_CLEANUP(sp_config_free_auto_)
  struct sp_config *config = parse("version: 1\nimages:\n"
                                   "  app: {primary: ghcr.io/a/app, backups: [vault:app]}\n"
                                   "  website: {primary: ghcr.io/a/web, backups: [vault:web]}\n");
  SP_CLEANUP(sp_config_free_auto_) struct sp_config *empty = parse("version: 1\n");
  const struct sp_config_image *image = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_config_image(config, "website", &image, &err), 0);
  assert_ptr_equal(image, &config->images[1]);
  assert_int_equal(sp_config_image(config, "websit", &image, &err), -1);
  assert_int_equal(err.code, SP_E_USAGE);
  assert_non_null(strstr(err.msg, "did you mean 'website'?"));
  assert_int_equal(sp_config_image(config, "zzzzzz", &image, &err), -1);
  assert_non_null(strstr(err.msg, "'app', 'website'"));
  assert_int_equal(sp_config_image(empty, "app", &image, &err), -1);
  assert_non_null(strstr(err.msg, "names none"));
}

static void test_needs(void **state)
{
  (void)state;
  setenv("SP_TEST_SET", "value", 1);
  setenv("SP_TEST_EMPTY", "", 1);
  unsetenv("SP_TEST_UNSET");
  SP_CLEANUP(sp_config_free_auto_)
  struct sp_config *config = parse("version: 1\n"
                                   "vault: $SP_TEST_EMPTY\n"
                                   "state: $SP_TEST_SET\n"
                                   "registries:\n"
                                   "  a.io: {username: $SP_TEST_SET, password: $SP_TEST_UNSET}\n"
                                   "  b.io: {username: $$x, password: '${SP_TEST_SET}'}\n"
                                   "  c.io: {}\n");
  struct sp_err err = SP_ERR_INIT;
  const char *text = "x";
  const struct sp_secret *secret;
  const struct sp_config_registry *r = config->registries;
  assert_int_equal(sp_config_need(config, &r[0].username, "username", &text, &err), 0);
  assert_string_equal(text, "value");
  assert_int_equal(sp_config_need_secret(config, &r[0].password, "password", &secret, &err), -1);
  assert_int_equal(err.code, SP_E_USAGE);
  assert_string_equal(err.msg, "/etc/c.yaml:5:44: 'password' is $SP_TEST_UNSET, which is not set "
                               "or empty");
  assert_int_equal(sp_config_need(config, &r[1].username, "username", &text, &err), 0);
  assert_string_equal(text, "$x");
  assert_int_equal(sp_config_need_secret(config, &r[1].password, "password", &secret, &err), 0);
  assert_true(sp_span_eq_str(sp_secret_reveal(secret), "value"));
  assert_int_equal(sp_config_need(config, &r[2].username, "username", &text, &err), 0);
  assert_null(text);
  assert_int_equal(sp_config_need_secret(config, &r[2].password, "password", &secret, &err), 0);
  assert_null(secret);
  assert_int_equal(sp_config_need(config, &config->vault, "vault", &text, &err), -1);
  assert_int_equal(sp_config_need(config, &config->state, "state", &text, &err), 0);
  assert_string_equal(text, "/etc/value");

  SP_CLEANUP(sp_complaints_clear_auto_) struct sp_complaints unset = SP_COMPLAINTS_INIT;
  sp_config_find_unset(config, &unset);
  assert_int_equal(unset.count, 2);
  assert_int_equal(unset.items[0].line, 2);
  assert_int_equal(unset.items[1].line, 5);
}

static void check_place(const struct sp_config_place *place, const char *repo, const char *want)
{
  struct sp_place out;
  struct sp_err err = SP_ERR_INIT;
  char text[SP_PLACE_TEXT_MAX];
  int failed = sp_config_place_get(place, repo, &out, &err);
  if (!want) {
    assert_int_equal(failed, -1);
    return;
  }
  if (failed < 0)
    fail_msg("%s", err.msg);
  sp_place_format_name(&out, text);
  assert_string_equal(text, want);
}

static void test_places(void **state)
{
  (void)state;
  SP_CLEANUP(sp_config_free_auto_)
  struct sp_config *config = parse(
      "version: 1\nimages:\n"
      "  one: {primary: ghcr.io/a/app, backups: [acme/app, 'oci:d']}\n"
      "  all: {primary: 'ghcr.io/acme/*', backups: ['acme/{repo}', 'docker.io/x/pre-{repo}-post',"
      " 'quay.io/b/{repo}', 'vault:{repo}', 'oci:d/{repo}/x', 'oci:e{repo}']}\n"
      "  host: {primary: 'localhost:5000/*', backups: ['vault:l/{repo}']}\n"
      "  hub: {primary: 'acme/*', backups: ['vault:h/{repo}']}\n"
      "  deep: {primary: 'ghcr.io/a/b/*', backups: ['vault:deep/{repo}']}\n");
  const struct sp_config_image *one = &config->images[0], *all = &config->images[1];
  assert_false(sp_config_is_namespace(one));
  check_place(&one->primary, NULL, "ghcr.io/a/app");
  check_place(&one->backups.items[0], NULL, "docker.io/acme/app");
  check_place(&one->backups.items[1], NULL, "oci:/etc/d");
  assert_true(sp_config_is_namespace(all));
  check_place(&all->primary, "team/web", "ghcr.io/acme/team/web");
  check_place(&all->primary, "Bad", NULL);
  check_place(&all->primary, "../x", NULL);
  check_place(&all->primary, "", NULL);
  check_place(&all->backups.items[0], "team/web", "docker.io/acme/team-web");
  check_place(&all->backups.items[1], "team/web", "docker.io/x/pre-team-web-post");
  check_place(&all->backups.items[2], "team/web", "quay.io/b/team/web");
  check_place(&all->backups.items[3], "team/web", "vault:team/web");
  check_place(&all->backups.items[3], "a:b", NULL);
  check_place(&all->backups.items[4], "team/web", "oci:/etc/d/team/web/x");
  check_place(&all->backups.items[5], "web", "oci:/etc/eweb");

  static const struct {
    const char *host, *path;
  } spaces[] = {{NULL, NULL},
                {"ghcr.io", "acme"},
                {"localhost:5000", ""},
                {"docker.io", "acme"},
                {"ghcr.io", "a/b"}};
  for (size_t i = 1; i < COUNT(spaces); i++) {
    char host[SP_MAX_HOST + 1], path[SP_MAX_REPOSITORY + 1];
    sp_config_namespace(&config->images[i], host, path);
    assert_string_equal(host, spaces[i].host);
    assert_string_equal(path, spaces[i].path);
  }
}

static void test_complaints(void **state)
{
  (void)state;
  struct sp_config *config = NULL;
  SP_CLEANUP(sp_complaints_clear_auto_) struct sp_complaints complaints = SP_COMPLAINTS_INIT;
  SP_AUTO_BUF struct sp_buf text;
  struct sp_err err = SP_ERR_INIT;
  sp_buf_init(&text, 1000);
  assert_int_equal(
      sp_config_parse("c.yaml", SP_SPAN_LIT("jobs: 0\nversion: 3\n"), &config, &complaints, &err),
      -1);
  assert_null(config);
  assert_int_equal(err.code, SP_E_USAGE);
  assert_string_equal(err.msg, "'c.yaml' has 2 mistakes");
  assert_int_equal(complaints.count, 2);
  assert_int_equal(sp_complaint_format(&complaints.items[1], "c.yaml", &text, &err), 0);
  assert_string_equal(sp_buf_str(&text), "c.yaml:2:10: 'version' is 1 here\n"
                                         "     2 | version: 3\n"
                                         "       |          ^\n");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_typed),      cmocka_unit_test(test_names),
      cmocka_unit_test(test_needs),      cmocka_unit_test(test_places),
      cmocka_unit_test(test_complaints),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

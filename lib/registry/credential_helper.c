/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/credential_helper.h"

#include <stdio.h>

#include "base/guarded.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/process.h"
#include "base/text.h"
#include "registry/host.h"

#define PROGRAM "docker-credential-"

/* What a helper says, with an exit status that is not 0, of a host that it does not know. */
#define NOT_FOUND "credentials not found in native keychain"

/* Memory for an answer, wiped. */
struct answer {
  char *bytes;
  struct sp_process_result result;
};

static void answer_clear(struct answer *answer)
{
  sp_guarded_free(answer->bytes, SP_MAX_HELPER_BYTES);
}
SP_DEFINE_AUTO_CLEAR(struct answer, answer_clear)

static struct sp_span text_of(const struct answer *answer)
{
  return SP_SPAN(answer->bytes, answer->result.length);
}

static int bad(const struct sp_helper *helper, const char *why, struct sp_err *err)
{
  return sp_fail(err, SP_E_AUTH, "the credential helper 'docker-credential-%s' for '%s' %s",
                 helper->name, helper->host, why);
}

/* [a-z0-9-]{1,64}: nothing that could be a path, an option or another program. */
static int check_name(const struct sp_helper *helper, struct sp_err *err)
{
  size_t len = strlen(helper->name);
  if (len > 0 && len <= SP_MAX_HELPER_NAME &&
      strspn(helper->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len)
    return 0;
  char shown[SP_MAX_HELPER_NAME + 16];
  sp_text_escape(shown, sizeof shown, sp_span_str(helper->name));
  return sp_fail(err, SP_E_AUTH,
                 "'%s', named as the credential helper for '%s', is not run: a helper's name is "
                 "1 to 64 of a-z, 0-9 and '-'",
                 shown, helper->host);
}

static int cannot_run(const struct sp_helper *helper, const struct sp_err *why, struct sp_err *err)
{
  if (why->code == SP_E_INTERRUPTED) {
    sp_err_copy(err, why);
    return -1;
  }
  if (why->code == SP_E_NOT_FOUND)
    return bad(helper,
               _("is not installed: install it, or take it out of 'credHelpers' and 'credsStore'"),
               err);
  return sp_fail_sys(err, SP_E_AUTH, why->sys,
                     "the credential helper 'docker-credential-%s' for '%s' cannot be run",
                     helper->name, helper->host);
}

/* Runs it; a failure of any kind but an exit status is raised here. */
static int run(const struct sp_helper *helper, const char *verb, struct sp_span input,
               struct answer *answer, struct sp_err *err)
{
  if (check_name(helper, err) < 0)
    return -1;
  char program[sizeof PROGRAM + SP_MAX_HELPER_NAME];
  snprintf(program, sizeof program, PROGRAM "%s", helper->name);
  const char *const argv[] = {program, verb, NULL};
  const struct sp_process process = {
      .argv = argv,
      .input = input,
      .timeout_ms = SP_HELPER_TIMEOUT_MS,
      .cancel = helper->cancel,
  };
  answer->bytes = sp_guarded_new(SP_MAX_HELPER_BYTES);
  if (!answer->bytes)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a credential helper");
  struct sp_err why = SP_ERR_INIT;
  if (sp_process_run(&process, answer->bytes, SP_MAX_HELPER_BYTES, &answer->result, &why) < 0)
    return cannot_run(helper, &why, err);
  switch (answer->result.end) {
  case SP_PROCESS_EXITED:
    return 0;
  case SP_PROCESS_SIGNALLED:
    return bad(helper, _("was ended by a signal"), err);
  case SP_PROCESS_TIMED_OUT:
    return bad(helper, _("gave no answer within 10 s"), err);
  case SP_PROCESS_FLOODED:
    return bad(helper, _("answered with more than 64 KiB"), err);
  }
  return sp_fail(err, SP_E_INTERNAL, "a process ended in no known way");
}

/* Its own words may hold anything: only that it failed is told. */
static int failed(const struct sp_helper *helper, const struct answer *answer, struct sp_err *err)
{
  return sp_fail(err, SP_E_AUTH,
                 "the credential helper 'docker-credential-%s' for '%s' failed (exit status %d): "
                 "'docker-credential-%s list' may say why",
                 helper->name, helper->host, answer->result.number, helper->name);
}

/* Blanks around it do not matter. */
static bool says_not_found(const struct answer *answer)
{
  struct sp_span text = text_of(answer);
  while (text.len > 0 && memchr(" \t\r\n", text.ptr[text.len - 1], 4))
    text.len--;
  return answer->result.number != 0 && sp_span_eq_str(text, NOT_FOUND);
}

/* -- get */

static int read_members(const struct sp_helper *helper, const json_t *doc,
                        struct sp_credential *out, struct sp_err *err)
{
  const char *url, *user, *secret;
  struct sp_err why = SP_ERR_INIT;
  if (sp_json_get_string(doc, "ServerURL", &url, &why) < 0 ||
      sp_json_get_string(doc, "Username", &user, &why) < 0 ||
      sp_json_get_string(doc, "Secret", &secret, &why) < 0)
    return bad(helper, _("did not answer with credentials"), err);
  if (url && *url && sp_host_fit_key(helper->host, NULL, sp_span_str(url)) == 0)
    return bad(helper, _("answered with the credentials of another registry"), err);
  bool has_user = user && *user;
  bool has_secret = secret && *secret;
  if (!has_user && !has_secret)
    return 0; /* how some say that they have none */
  if (!has_user || !has_secret || strlen(secret) > SP_MAX_TOKEN_BYTES)
    return bad(helper, _("did not answer with credentials"), err);
  if (strcmp(user, "<token>") == 0)
    return sp_secret_set(&out->identity_token, sp_span_str(secret), err);
  if (sp_text_copy(out->user, sizeof out->user, sp_span_str(user), &why) < 0 || strchr(user, ':'))
    return bad(helper, _("did not answer with credentials"), err);
  return sp_secret_set(&out->password, sp_span_str(secret), err);
}

int sp_helper_parse(const struct sp_helper *helper, struct sp_span answer,
                    struct sp_credential *out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  struct sp_err why = SP_ERR_INIT;
  if (sp_json_parse(answer, &doc, &why) < 0)
    return bad(helper, _("did not answer with credentials"), err);
  SP_CLEANUP(sp_credential_clear_auto_) struct sp_credential credential = SP_CREDENTIAL_INIT;
  if (read_members(helper, doc, &credential, err) < 0)
    return -1;
  *out = credential;
  credential = SP_CREDENTIAL_INIT;
  return 0;
}

int sp_helper_get(const struct sp_helper *helper, struct sp_credential *out, struct sp_err *err)
{
  SP_CLEANUP(answer_clear_auto_) struct answer answer = {0};
  if (run(helper, "get", sp_span_str(sp_host_key(helper->host)), &answer, err) < 0)
    return -1;
  if (says_not_found(&answer)) {
    *out = SP_CREDENTIAL_INIT;
    return 0;
  }
  if (answer.result.number != 0)
    return failed(helper, &answer, err);
  return sp_helper_parse(helper, text_of(&answer), out, err);
}

/* -- store and erase */

int sp_helper_store(const struct sp_helper *helper, const struct sp_credential *credential,
                    struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf input;
  sp_buf_init_secret(&input, SP_MAX_HELPER_BYTES);
  struct sp_span secret = sp_secret_reveal(&credential->password);
  SP_AUTO_JSON json_t *doc =
      json_pack("{s:s, s:s, s:s%}", "ServerURL", sp_host_key(helper->host), "Username",
                credential->user, "Secret", secret.ptr, secret.len);
  if (!doc)
    return sp_fail(err, SP_E_USAGE,
                   "a credential helper takes only user names and passwords in UTF-8");
  SP_CLEANUP(answer_clear_auto_) struct answer answer = {0};
  if (sp_json_write(doc, JSON_COMPACT, &input, err) < 0 ||
      run(helper, "store", sp_buf_span(&input), &answer, err) < 0)
    return -1;
  return answer.result.number == 0 ? 0 : failed(helper, &answer, err);
}

int sp_helper_erase(const struct sp_helper *helper, bool *was_there, struct sp_err *err)
{
  SP_CLEANUP(answer_clear_auto_) struct answer answer = {0};
  if (run(helper, "erase", sp_span_str(sp_host_key(helper->host)), &answer, err) < 0)
    return -1;
  *was_there = answer.result.number == 0;
  if (*was_there || says_not_found(&answer))
    return 0;
  return failed(helper, &answer, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/connection.h"
#include "oci/errors.h"

#define API_MAJOR 1u
#define API_MINOR_MIN 40u /* Docker 19.03 */
#define API_MINOR_MAX 52u /* the newest whose calls are known to be as we make them */
#define BYTES_PER_MS 4096 /* slower than this no engine packs or unpacks */
#define TARGET_MAX (SP_REF_TEXT_MAX + 64)

int64_t sp_engine_patience_ms(uint64_t size_bytes)
{
  return (int64_t)(size_bytes / BYTES_PER_MS);
}

/* -- answers that are no success */

static enum sp_code code_of(int status, const char *text)
{
  if (strcasestr(text, "no space left"))
    return SP_E_STORE_FULL;
  if (status == 404)
    return SP_E_NOT_FOUND;
  if (status == 401 || status == 403)
    return SP_E_AUTH;
  return status >= 500 ? SP_E_SERVER : SP_E_PROTOCOL;
}

int sp_engine_refusal(struct sp_engine_call *call, int status, struct sp_err *err)
{
  struct sp_oci_error said;
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf body;
  sp_buf_init(&body, SP_MAX_ERROR_BODY_BYTES);
  (void)(sp_engine_call_read_all(call, &body, &ignored) < 0); /* what came of it is enough */
  sp_oci_error_parse(sp_buf_span(&body), &said);
  if (strcasestr(said.text, "to an HTTPS server")) /* what Go says to plain text */
    return sp_fail(err, SP_E_USAGE,
                   "the engine wants TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the "
                   "directory of ca.pem, cert.pem and key.pem");
  sp_fail(err, code_of(status, said.text), "the engine answered %d%s%s", status,
          said.text[0] ? ": " : "", said.text);
  err->http_status = status;
  return -1;
}

/* -- calls with a small answer */

/* Asks for `target`; `*call` (the caller's, also on failure) has answered 200. */
static int get(struct sp_engine *engine, const char *target, struct sp_engine_call **call,
               struct sp_err *err)
{
  const struct sp_engine_call_order order = {.method = "GET", .target = target};
  int status;
  if (sp_engine_call_begin(&engine->link, &order, call, err) < 0 ||
      sp_engine_call_answer(*call, &status, err) < 0)
    return -1;
  return status == 200 ? 0 : sp_engine_refusal(*call, status, err);
}

static int ask(struct sp_engine *engine, const char *target, struct sp_buf *body,
               struct sp_err *err)
{
  SP_AUTO_ENGINE_CALL struct sp_engine_call *call = NULL;
  return get(engine, target, &call, err) < 0 ? -1 : sp_engine_call_read_all(call, body, err);
}

/* -- opening */

/* "1.41" of the header Api-Version. */
static int parse_version(const char *text, unsigned *minor)
{
  uint64_t number;
  const char *prefix = "1.";
  if (!text || strncmp(text, prefix, strlen(prefix)) != 0 ||
      sp_text_parse_u64(sp_span_str(text + strlen(prefix)), &number) < 0 || number > 999)
    return -1;
  *minor = (unsigned)number;
  return 0;
}

static int set_version(struct sp_engine *engine, const char *said, struct sp_err *err)
{
  unsigned minor;
  char place[SP_ENDPOINT_TEXT_MAX];
  sp_endpoint_format(&engine->endpoint, place);
  if (parse_version(said, &minor) < 0)
    return sp_fail(err, SP_E_PROTOCOL,
                   "what answers at '%s' is not a Docker-compatible engine (it names no version "
                   "of the API)",
                   place);
  if (minor < API_MINOR_MIN)
    return sp_fail(err, SP_E_UNSUPPORTED,
                   "the engine at '%s' is too old: it speaks version 1.%u of the API, safeport "
                   "needs 1.%u (Docker 19.03)",
                   place, minor, API_MINOR_MIN);
  snprintf(engine->version, sizeof engine->version, "%u.%u", API_MAJOR,
           minor < API_MINOR_MAX ? minor : API_MINOR_MAX);
  sp_log(SP_LOG_DEBUG, "engine: '%s' speaks 1.%u, we use %s", place, minor, engine->version);
  return 0;
}

static int ping(struct sp_engine *engine, struct sp_err *err)
{
  SP_AUTO_ENGINE_CALL struct sp_engine_call *call = NULL;
  if (get(engine, "/_ping", &call, err) < 0)
    return -1;
  return set_version(engine, sp_engine_call_header(call, "Api-Version"), err);
}

int sp_engine_open(const struct sp_engine_settings *settings, const struct sp_endpoint *endpoint,
                   struct sp_engine **out, struct sp_err *err)
{
  SP_AUTO_ENGINE struct sp_engine *engine = calloc(1, sizeof *engine);
  if (!engine)
    return sp_fail(err, SP_E_NOMEM, "out of memory for an engine");
  engine->endpoint = *endpoint;
  engine->link = (struct sp_engine_link){
      .endpoint = &engine->endpoint,
      .user_agent = settings->user_agent,
      .idle_timeout_ms =
          settings->idle_timeout_ms ? settings->idle_timeout_ms : SP_STALL_TIMEOUT_MS,
      .cancel = settings->cancel,
  };
  if (ping(engine, err) < 0)
    return -1;
  *out = sp_steal(&engine);
  return 0;
}

void sp_engine_close(struct sp_engine *engine)
{
  free(engine);
}

/* -- platform */

int sp_engine_get_platform(struct sp_engine *engine, struct sp_platform *out, struct sp_err *err)
{
  char target[32];
  SP_AUTO_BUF struct sp_buf body;
  sp_buf_init(&body, SP_MAX_ENGINE_LINE_BYTES);
  snprintf(target, sizeof target, "/v%s/version", engine->version);
  if (ask(engine, target, &body, err) < 0)
    return -1;
  return sp_engine_platform_parse(sp_buf_span(&body), out, err);
}

/* -- images */

/* As the engine's paths have it: everything in it is safe in a URL (oci/reference.h). */
static void format_name(const struct sp_ref *ref, char out[SP_REF_TEXT_MAX])
{
  if (ref->repository[0]) {
    sp_ref_format(ref, out);
    return;
  }
  char id[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&ref->digest, id);
  snprintf(out, SP_REF_TEXT_MAX, "%s", id);
}

static int inspect(struct sp_engine *engine, const struct sp_ref *ref, struct sp_engine_image *out,
                   struct sp_err *err)
{
  char name[SP_REF_TEXT_MAX];
  char target[TARGET_MAX];
  SP_AUTO_BUF struct sp_buf body;
  sp_buf_init(&body, SP_MAX_ENGINE_IMAGE_BYTES);
  format_name(ref, name);
  snprintf(target, sizeof target, "/v%s/images/%s/json", engine->version, name);
  if (ask(engine, target, &body, err) < 0)
    return -1;
  return sp_engine_image_parse(sp_buf_span(&body), out, err);
}

/* "library/app" of Docker Hub as "localhost/app": where podman puts what it builds as "app". */
static bool as_local(const struct sp_ref *ref, struct sp_ref *local)
{
  static const char prefix[] = "library/";
  if (strcmp(ref->host, "docker.io") != 0 ||
      strncmp(ref->repository, prefix, strlen(prefix)) != 0 || ref->digest.alg != SP_DIGEST_NONE)
    return false;
  *local = *ref;
  snprintf(local->host, sizeof local->host, "localhost");
  snprintf(local->repository, sizeof local->repository, "%s", ref->repository + strlen(prefix));
  return true;
}

static int not_found(struct sp_engine *engine, const struct sp_ref *ref, struct sp_err *err)
{
  char name[SP_REF_TEXT_MAX];
  char target[TARGET_MAX];
  char near[SP_ENGINE_NEAR_MAX] = "";
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf list;
  sp_buf_init(&list, SP_MAX_ENGINE_LIST_BYTES);
  format_name(ref, name);
  snprintf(target, sizeof target, "/v%s/images/json", engine->version);
  if (ref->repository[0] && ask(engine, target, &list, &ignored) == 0)
    sp_engine_image_near(sp_buf_span(&list), ref->repository, near);
  if (near[0])
    return sp_fail(err, SP_E_NOT_FOUND, "the engine has no image '%s': it has %s", name, near);
  return sp_fail(err, SP_E_NOT_FOUND,
                 "the engine has no image '%s': 'docker images' lists those it has", name);
}

int sp_engine_find_image(struct sp_engine *engine, const struct sp_ref *ref,
                         struct sp_engine_image *out, struct sp_err *err)
{
  struct sp_err why = SP_ERR_INIT;
  struct sp_ref local;
  if (inspect(engine, ref, out, &why) == 0)
    return 0;
  if (why.code == SP_E_NOT_FOUND && as_local(ref, &local)) {
    sp_err_clear(&why);
    if (inspect(engine, &local, out, &why) == 0)
      return 0;
  }
  if (why.code == SP_E_NOT_FOUND)
    return not_found(engine, ref, err);
  sp_err_copy(err, &why);
  return -1;
}

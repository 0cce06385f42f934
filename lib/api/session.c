/* SPDX-License-Identifier: Apache-2.0 */
/* A session is its settings, one wish to stop, and, once a registry was opened, one HTTP client and
 * what is known of registries. */
#include "api/session.h"

#include "api/broken.h"
#include "api/daemon.h"
#include "api/hosts.h"
#include "archive/archive.h"
#include "archive/layer_pack.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/text.h"
#include "layout/vault.h"
#include "safeport_version.h"
#include "store/memory.h"
#include "store/readonly.h"

#define USER_AGENT "safeport/" SAFEPORT_VERSION

struct sp_session {
  struct sp_cancel *cancel;
  struct sp_hosts *hosts;
  char *ca_file;
  char *vault_root; /* as given; NULL = find it */
  int64_t retry_for_ms;
  int64_t idle_timeout_ms;
  void (*log)(void *ctx, int level, const char *line);
  void *log_ctx;

  pthread_mutex_t lock; /* guards what follows */
  struct sp_http *http; /* NULL until the first registry */
  struct sp_registries *registries;
  struct sp_upload_memory *uploads; /* borrowed; NULL: none */
  char **told;                      /* hosts that registries was told about */
  size_t told_count;
};

SP_DEFINE_AUTO_FREE(struct sp_session, sp_session_free)

static void pass_log(void *ctx, enum sp_log_level level, const char *line)
{
  const struct sp_session *session = ctx;
  session->log(session->log_ctx, (int)level, line);
}

static void set_log(struct sp_session *session, const struct sp_session_settings *settings)
{
  if (!settings->log)
    return;
  session->log = settings->log;
  session->log_ctx = settings->log_ctx;
  int level = settings->log_level;
  sp_log_set_sink(pass_log, session,
                  level <= 0   ? SP_LOG_WARN
                  : level == 1 ? SP_LOG_INFO
                               : SP_LOG_DEBUG);
}

int sp_session_new(const struct sp_session_settings *settings, struct sp_session **out,
                   struct sp_err *err)
{
  SP_CLEANUP(sp_session_free_auto_) struct sp_session *session = calloc(1, sizeof *session);
  if (!session)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a session");
  pthread_mutex_init(&session->lock, NULL);
  session->retry_for_ms = settings->retry_for_ms < 0 ? SP_RETRY_FOR_MS : settings->retry_for_ms;
  session->idle_timeout_ms = settings->idle_timeout_ms;
  if (sp_hosts_new(settings, &session->hosts, err) < 0 ||
      sp_text_dup(&session->ca_file, settings->ca_file, err) < 0 ||
      sp_text_dup(&session->vault_root, settings->vault_root, err) < 0 ||
      sp_cancel_new(&session->cancel, err) < 0)
    return -1;
  set_log(session, settings);
  *out = sp_steal(&session);
  return 0;
}

void sp_session_free(struct sp_session *session)
{
  if (!session)
    return;
  sp_registries_free(session->registries);
  sp_http_free(session->http);
  if (session->log)
    sp_log_set_sink(NULL, NULL, SP_LOG_WARN);
  sp_hosts_free(session->hosts);
  sp_cancel_free(session->cancel);
  for (size_t i = 0; i < session->told_count; i++)
    free(session->told[i]);
  free(session->told);
  free(session->ca_file);
  free(session->vault_root);
  pthread_mutex_destroy(&session->lock);
  free(session);
}

void sp_session_interrupt(struct sp_session *session, int signal)
{
  sp_cancel_request(session->cancel, signal);
}

const struct sp_cancel *sp_session_cancel(const struct sp_session *session)
{
  return session->cancel;
}

struct sp_retry_policy sp_session_retry(const struct sp_session *session)
{
  return (struct sp_retry_policy){.retry_for_ms = session->retry_for_ms, .cancel = session->cancel};
}

int sp_session_use_config(struct sp_session *session, const struct sp_config *config,
                          struct sp_err *err)
{
  for (size_t i = 0; i < config->registry_count; i++) {
    if (sp_hosts_add_config(session->hosts, &config->registries[i], err) < 0)
      return -1;
  }
  return session->vault_root ? 0 : sp_text_dup(&session->vault_root, config->vault.text, err);
}

/* -- places */

void sp_opened_clear(struct sp_opened *opened)
{
  sp_store_close(opened->store);
  *opened = (struct sp_opened){0};
}

/* Called with the lock held. */
static int start_network(struct sp_session *session, struct sp_err *err)
{
  if (session->registries)
    return 0;
  const struct sp_http_settings settings = {
      .user_agent = USER_AGENT,
      .ca_file = session->ca_file,
      .idle_timeout_ms = session->idle_timeout_ms,
      .cancel = session->cancel,
  };
  if (!session->http && sp_http_new(&settings, &session->http, err) < 0)
    return -1;
  if (sp_registries_new(session->http, &session->registries, err) < 0)
    return -1;
  sp_registries_remember_uploads(session->registries, session->uploads);
  return 0;
}

void sp_session_remember_uploads(struct sp_session *session, struct sp_upload_memory *memory)
{
  SP_LOCK_SCOPE(&session->lock);
  session->uploads = memory;
  if (session->registries)
    sp_registries_remember_uploads(session->registries, memory);
}

/* Says what the user said of a host, once: before its first store. Called with the lock held. */
static int tell_of_host(struct sp_session *session, const char *host, struct sp_err *err)
{
  for (size_t i = 0; i < session->told_count; i++) {
    if (strcmp(session->told[i], host) == 0)
      return 0;
  }
  char **told = reallocarray(session->told, session->told_count + 1, sizeof *told);
  if (!told)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the host '%s'", host);
  session->told = told;
  SP_AUTO_FREE char *name = NULL;
  if (sp_text_dup(&name, host, err) < 0)
    return -1;
  struct sp_registry_settings settings;
  sp_hosts_get(session->hosts, host, &settings);
  if (sp_registries_configure(session->registries, &settings, err) < 0)
    return -1;
  told[session->told_count++] = sp_steal(&name);
  return 0;
}

int sp_session_registries(struct sp_session *session, const char *host, struct sp_registries **out,
                          struct sp_err *err)
{
  SP_LOCK_SCOPE(&session->lock);
  if (start_network(session, err) < 0 || tell_of_host(session, host, err) < 0)
    return -1;
  *out = session->registries;
  return 0;
}

static int open_registry(struct sp_session *session, const struct sp_ref *ref,
                         struct sp_store **out, struct sp_err *err)
{
  struct sp_registries *registries;
  if (sp_session_registries(session, ref->host, &registries, err) < 0)
    return -1;
  return sp_registry_open(registries, ref, out, err);
}

static int open_local(struct sp_session *session, const struct sp_place *place, const char *name,
                      enum sp_layout_mode mode, struct sp_store **out, struct sp_err *err)
{
  if (place->transport == SP_TRANSPORT_LAYOUT)
    return sp_layout_open(place->path, name, mode, session->cancel, out, err);
  SP_AUTO_FREE char *root = NULL;
  if (sp_vault_find_root(session->vault_root, &root, err) < 0)
    return -1;
  return sp_vault_open(root, place->ref.repository, mode, session->cancel, out, err);
}

/* -- archives */

/* How many threads compress; 0 = one for each core. */
static unsigned thread_count(void)
{
  const char *text = getenv("SAFEPORT_THREADS");
  uint64_t count;
  if (!text || text[0] == '\0')
    return 0;
  if (sp_text_parse_u64(sp_span_str(text), &count) == 0 && count > 0 &&
      count <= SP_PACK_THREADS_MAX)
    return (unsigned)count;
  sp_log(SP_LOG_WARN,
         _("SAFEPORT_THREADS is no number from 1 to %d: as many threads as there are "
           "cores compress"),
         SP_PACK_THREADS_MAX);
  return 0;
}

static struct sp_archive_settings archive_settings(const struct sp_session *session,
                                                   const struct sp_place *place, const char *name,
                                                   const struct sp_source_wishes *wishes)
{
  struct sp_archive_settings settings = {
      .name = name,
      .kind = place->transport == SP_TRANSPORT_OCI_ARCHIVE ? SP_ARCHIVE_OCI : SP_ARCHIVE_DOCKER,
      .ref = place->ref,
      .has_number = place->has_number,
      .number = place->number,
      .has_platform = wishes->platform != NULL,
      .compression = wishes->compression,
      .threads = thread_count(),
      .cancel = session->cancel,
  };
  if (wishes->platform)
    settings.platform = *wishes->platform;
  return settings;
}

static bool is_archive(const struct sp_place *place)
{
  return place->transport == SP_TRANSPORT_DOCKER_ARCHIVE ||
         place->transport == SP_TRANSPORT_OCI_ARCHIVE;
}

/* An archive that is written is a new one, whatever is there now: a plan begins with nothing. */
static int open_archive(struct sp_session *session, const struct sp_place *place, const char *name,
                        enum sp_open_mode mode, const struct sp_source_wishes *wishes,
                        struct sp_store **out, struct sp_err *err)
{
  const struct sp_archive_settings settings = archive_settings(session, place, name, wishes);
  switch (mode) {
  case SP_OPEN_READ:
    return sp_archive_open(place->path, &settings, out, err);
  case SP_OPEN_WRITE:
    return sp_archive_create_file(place->path, &settings, out, err);
  case SP_OPEN_PLAN:
    return sp_memory_new(name, out, err);
  }
  return sp_fail(err, SP_E_INTERNAL, "no such mode");
}

/* -- engines */

static int open_daemon(struct sp_session *session, const struct sp_place *place, const char *name,
                       enum sp_open_mode mode, const struct sp_source_wishes *wishes,
                       struct sp_store **out, struct sp_err *err)
{
  const struct sp_archive_settings archive = archive_settings(session, place, name, wishes);
  const struct sp_engine_settings engine = {
      .user_agent = USER_AGENT,
      .idle_timeout_ms = session->idle_timeout_ms,
      .cancel = session->cancel,
  };
  return sp_daemon_open(place, mode, &engine, &archive, out, err);
}

/* -- any place */

/* A layout or the vault. */
static int open_layout(struct sp_session *session, const struct sp_place *place, const char *name,
                       enum sp_open_mode mode, struct sp_store **out, struct sp_err *err)
{
  if (mode == SP_OPEN_WRITE)
    return open_local(session, place, name, SP_LAYOUT_WRITE, out, err);
  if (open_local(session, place, name, SP_LAYOUT_READ, out, err) == 0)
    return 0;
  if (mode != SP_OPEN_PLAN || err->code != SP_E_NOT_FOUND)
    return -1;
  sp_err_clear(err);
  return sp_memory_new(name, out, err);
}

/* The bare store of a place. */
static int open_bare(struct sp_session *session, const struct sp_place *place,
                     enum sp_open_mode mode, const struct sp_source_wishes *wishes,
                     struct sp_store **out, struct sp_err *err)
{
  char name[SP_PLACE_TEXT_MAX];
  sp_place_format_name(place, name);
  if (place->transport == SP_TRANSPORT_REGISTRY)
    return open_registry(session, &place->ref, out, err);
  if (place->transport == SP_TRANSPORT_DAEMON)
    return open_daemon(session, place, name, mode, wishes, out, err);
  if (is_archive(place))
    return open_archive(session, place, name, mode, wishes, out, err);
  return open_layout(session, place, name, mode, out, err);
}

static int open_with(struct sp_session *session, const struct sp_place *place,
                     enum sp_open_mode mode, const struct sp_source_wishes *wishes,
                     struct sp_opened *out, struct sp_err *err)
{
  SP_AUTO_STORE struct sp_store *store = NULL;
  if (open_bare(session, place, mode, wishes, &store, err) < 0)
    return -1;
  struct sp_store *bare = store;
  struct sp_store *wrapped;
  if (mode != SP_OPEN_WRITE) {
    if (sp_readonly_wrap_take(store, &wrapped, err) < 0)
      return -1;
    store = wrapped;
  }
  const struct sp_retry_policy policy = sp_session_retry(session);
  if (sp_retry_wrap_take(store, &policy, &wrapped, err) < 0)
    return -1;
  (void)sp_steal(&store);
  *out = (struct sp_opened){
      .store = wrapped,
      .registry = place->transport == SP_TRANSPORT_REGISTRY ? bare : NULL,
  };
  return 0;
}

static const struct sp_source_wishes no_wishes = {.compression = SP_COMPRESSION_DEFAULT_INIT};

int sp_session_open_place(struct sp_session *session, const struct sp_place *place,
                          enum sp_open_mode mode, struct sp_opened *out, struct sp_err *err)
{
  return open_with(session, place, mode, &no_wishes, out, err);
}

int sp_session_open_source(struct sp_session *session, const struct sp_place *place,
                           const struct sp_source_wishes *wishes, struct sp_opened *out,
                           struct sp_err *err)
{
  return open_with(session, place, SP_OPEN_READ, wishes ? wishes : &no_wishes, out, err);
}

static int be_broken(const struct sp_place *place, const struct sp_err *why, struct sp_opened *out,
                     struct sp_err *err)
{
  char name[SP_PLACE_TEXT_MAX];
  sp_place_format_name(place, name);
  *out = (struct sp_opened){0};
  return sp_broken_new(name, why, &out->store, err);
}

int sp_session_open_or_broken(struct sp_session *session, const struct sp_place *place,
                              enum sp_open_mode mode, struct sp_opened *out, struct sp_err *err)
{
  struct sp_err why = SP_ERR_INIT;
  if (sp_session_open_place(session, place, mode, out, &why) == 0)
    return 0;
  return be_broken(place, &why, out, err);
}

int sp_session_open_source_or_broken(struct sp_session *session, const struct sp_place *place,
                                     const struct sp_source_wishes *wishes, struct sp_opened *out,
                                     struct sp_err *err)
{
  struct sp_err why = SP_ERR_INIT;
  if (sp_session_open_source(session, place, wishes, out, &why) == 0)
    return 0;
  return be_broken(place, &why, out, err);
}

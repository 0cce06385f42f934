/* SPDX-License-Identifier: Apache-2.0 */
/* A session: the settings, connections, tokens and limits that jobs of one process share.
 *
 * Life cycle: sp_session_new, any number of jobs (safeport/job.h), sp_session_free. Threads: jobs
 * of one session may run at the same time on different threads.
 */
#ifndef SAFEPORT_SESSION_H
#define SAFEPORT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "safeport/err.h"

struct sp_session;

struct sp_session_settings {
  const char *ca_file;            /* --ca FILE: PEM in place of the system's; or NULL */
  const char *const *host_ca;     /* --ca HOST=FILE, repeated; NULL-terminated or NULL */
  const char *const *insecure;    /* --insecure HOST: plain http allowed; NULL-terminated or NULL */
  const char *const *token_hosts; /* --token-host REGISTRY=HOST */
  const char *const *upload_hosts; /* --upload-host REGISTRY=HOST */
  const char *const *chunked;      /* --chunked REGISTRY[=BYTES] */
  const char *vault_root;          /* --vault DIR; NULL = the default */
  int64_t retry_for_ms;            /* < 0 = the default, 15 s */
  int64_t idle_timeout_ms;         /* --timeout; 0 = the default, 60 s */
  /* Called for each line of the log at or below log_level (0 warnings, 1 information, 2 debug);
   * NULL = silence. */
  void (*log)(void *ctx, int level, const char *line);
  void *log_ctx;
  int log_level;
};

/* Strings are copied. Fails: SP_E_USAGE (a setting cannot be read); SP_E_NOMEM; SP_E_INTERNAL. */
SP_MUST_CHECK int sp_session_new(const struct sp_session_settings *settings,
                                 struct sp_session **out, struct sp_err *err);
/* NULL is nothing. */
void sp_session_free(struct sp_session *session);
/* Asks all jobs to stop: they cancel their uploads, and still make their report. Async-signal-safe.
 * signal: SIGINT or SIGTERM. */
void sp_session_interrupt(struct sp_session *session, int signal);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The one error type of Safeport.
 *
 * Every function that can fail returns 0 or -1 and takes a `struct sp_err *` as its last argument.
 * The error is never NULL, is left untouched on success and is written once on failure. It owns no
 * memory: an error path never allocates. Codes are a small closed set, grouped by what the caller
 * can *do*; one table (err.c) gives for each the exit status, whether trying again can help, and a
 * one-line meaning. Help and manual are made from that table.
 *
 * It is not a log and it never prints: only the CLI prints.
 *
 * Threads: one error object belongs to one thread at a time.
 */
#ifndef SAFEPORT_ERR_H
#define SAFEPORT_ERR_H

#include <stdbool.h>
#include <stdint.h>

/* A result that must be looked at. */
#define SP_MUST_CHECK __attribute__((warn_unused_result))

enum sp_code {
  SP_OK = 0,
  SP_E_USAGE,        /* wrong argument, reference or configuration */
  SP_E_NOT_FOUND,    /* it is not there (404) */
  SP_E_DIGEST,       /* bytes were seen that are not what their digest says */
  SP_E_INVALID,      /* right bytes, but not a manifest, index or answer we can use */
  SP_E_PROTOCOL,     /* the other side broke the protocol */
  SP_E_AUTH,         /* credentials missing, wrong, expired, or without the permission */
  SP_E_UNREACHABLE,  /* refused, no route, no such host, connect timed out */
  SP_E_TLS,          /* certificate or handshake */
  SP_E_NETWORK,      /* reset, short body, stall */
  SP_E_THROTTLED,    /* 429 for longer than we were told to wait */
  SP_E_SERVER,       /* 5xx */
  SP_E_STORE_FULL,   /* the other side has no room */
  SP_E_BLOB_UNKNOWN, /* a manifest was refused because blobs or children are missing there */
  SP_E_UNSUPPORTED,  /* the store cannot do this (405, read-only, no referrers API) */
  SP_E_LIMIT,        /* larger than a ceiling of limits.h */
  SP_E_REFUSED,      /* refused by a safety rule of our own (origin, http, name) */
  SP_E_LOCKED,       /* another run holds the lock */
  SP_E_IO,           /* local disk; sys says which errno */
  SP_E_NOMEM,        /* out of memory */
  SP_E_INTERRUPTED,  /* SIGINT or SIGTERM; sys holds the signal */
  SP_E_INTERNAL,     /* a mistake of ours */
  SP_CODE_COUNT
};

#define SP_ERR_MSG_MAX 1024 /* bytes, with the terminator; longer messages are cut */

struct sp_err {
  enum sp_code code;
  int sys;                /* errno, or the signal of SP_E_INTERRUPTED; 0 if none */
  int http_status;        /* 100..599; 0 if none */
  int64_t retry_after_ms; /* what the other side asked for; -1 if it did not say */
  const char *file;       /* where it was raised (static string) */
  int line;
  char msg[SP_ERR_MSG_MAX]; /* for people: lower case, subject in 'quotes', what to do last */
};

#define SP_ERR_INIT ((struct sp_err){.retry_after_ms = -1})

/* Raises: fills `err` (printf format) and answers -1, so that `return sp_fail(err, ...)` reads
 * well.
 *
 * The format is a message in English: write it whole, as one literal in the call, so that it is
 * found for translation (po/xgettext-options). It is put into the user's language here; words that
 * are passed as arguments are translated by the caller. The code is what programs look at.
 */
#define sp_fail(err, code, ...) sp_err_set((err), (code), 0, __FILE__, __LINE__, __VA_ARGS__)
/* The same with an errno, whose text is put at the end of the message. ENOMEM makes it SP_E_NOMEM.
 */
#define sp_fail_sys(err, code, sys, ...) \
  sp_err_set((err), (code), (sys), __FILE__, __LINE__, __VA_ARGS__)

/* What the two macros above call. Always answers -1. */
int sp_err_set(struct sp_err *err, enum sp_code code, int sys, const char *file, int line,
               const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Puts context in front of the message ("cannot push 'x': " + what was there) where a new noun
 * becomes known; translated as above. Always answers -1. */
int sp_err_context(struct sp_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Copies src over dst (both not NULL). */
void sp_err_copy(struct sp_err *dst, const struct sp_err *src);
/* Makes `err` mean "nothing happened" again. */
void sp_err_clear(struct sp_err *err);

/* Facts of the table. */
int sp_code_exit_status(
    enum sp_code code); /* 0..8; of SP_E_INTERRUPTED 130 (the CLI makes 143 of SIGTERM) */
bool sp_code_is_retryable(enum sp_code code);   /* may the same call succeed in a while? */
const char *sp_code_name(enum sp_code code);    /* "digest": stable, for --json */
const char *sp_code_meaning(enum sp_code code); /* one line of English, to be translated by help */

#endif

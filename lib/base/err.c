/* SPDX-License-Identifier: Apache-2.0 */
/* Errors are formatted into a local array first, so that an argument may point into the error that
 * is being written. Cuts fall between UTF-8 characters and end in "...". */
#include "safeport/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"

struct code_facts {
  const char *name;
  const char *meaning;
  int exit_status;
  bool retryable;
};

/* The one table: help, manual, --json and exit statuses come from here. */
static const struct code_facts facts[SP_CODE_COUNT] = {
    [SP_OK] = {"ok", N_("nothing failed"), 0, false},
    [SP_E_USAGE] = {"usage", N_("wrong argument, reference or configuration"), 2, false},
    [SP_E_NOT_FOUND] = {"not-found", N_("it is not there"), 1, false},
    [SP_E_DIGEST] = {"digest", N_("bytes were seen that are not what their digest says"), 5, false},
    [SP_E_INVALID] = {"invalid", N_("not a manifest, index or answer that can be used"), 1, false},
    [SP_E_PROTOCOL] = {"protocol", N_("the other side broke the protocol"), 1, false},
    [SP_E_AUTH] = {"auth", N_("credentials missing, wrong, expired or without the permission"), 8,
                   false},
    [SP_E_UNREACHABLE] = {"unreachable", N_("the host could not be reached"), 4, true},
    [SP_E_TLS] = {"tls", N_("the certificate or the TLS handshake failed"), 4, false},
    [SP_E_NETWORK] = {"network", N_("the connection broke or stalled"), 4, true},
    [SP_E_THROTTLED] = {"throttled", N_("the other side asked us to slow down"), 4, true},
    [SP_E_SERVER] = {"server", N_("the other side has an error of its own"), 4, true},
    [SP_E_STORE_FULL] = {"store-full", N_("the other side has no room"), 1, false},
    [SP_E_BLOB_UNKNOWN] = {"blob-unknown", N_("a manifest names content that is missing there"), 1,
                           false},
    [SP_E_UNSUPPORTED] = {"unsupported", N_("the store cannot do this"), 1, false},
    [SP_E_LIMIT] = {"limit", N_("larger than a limit of safeport"), 1, false},
    [SP_E_REFUSED] = {"refused", N_("refused by a safety rule of safeport"), 6, false},
    [SP_E_LOCKED] = {"locked", N_("another run holds the lock"), 3, false},
    [SP_E_IO] = {"io", N_("reading or writing a local file failed"), 7, false},
    [SP_E_NOMEM] = {"nomem", N_("out of memory"), 7, false},
    [SP_E_INTERRUPTED] = {"interrupted", N_("stopped by a signal"), 130, false},
    [SP_E_INTERNAL] = {"internal", N_("a mistake in safeport itself"), 7, false},
};

static const struct code_facts *facts_of(enum sp_code code)
{
  if ((unsigned)code >= SP_CODE_COUNT)
    return &facts[SP_E_INTERNAL];
  return &facts[code];
}

/* The longest length <= max that does not split a UTF-8 character of s. */
static size_t cut_before(const char *s, size_t max)
{
  size_t n = max;
  while (n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80)
    n--;
  /* A run of continuation bytes without a beginning is no character: cut it anywhere. */
  return max - n > 3 ? max : n;
}

/* Writes head + tail to out; head gives way (with "...") if both do not fit. */
static void join(char out[SP_ERR_MSG_MAX], const char *head, const char *tail)
{
  size_t tail_len = strnlen(tail, SP_ERR_MSG_MAX / 2);
  size_t head_len = strlen(head);
  size_t room = SP_ERR_MSG_MAX - 1 - tail_len;
  const char *dots = "";
  if (head_len > room) {
    head_len = cut_before(head, room - 3);
    dots = "...";
  }
  snprintf(out, SP_ERR_MSG_MAX, "%.*s%s%.*s", (int)head_len, head, dots, (int)tail_len, tail);
}

/* One byte longer than a message, so that join() sees that something was cut off. */
#define DRAFT_MAX (SP_ERR_MSG_MAX + 8)

/* The format in the user's language; msgfmt has checked that it takes the same arguments. The empty
 * text is gettext's own: it names the header of the catalogue. */
__attribute__((format_arg(1))) static const char *translated(const char *fmt)
{
  return fmt[0] ? _(fmt) : fmt;
}

int sp_err_set(struct sp_err *err, enum sp_code code, int sys, const char *file, int line,
               const char *fmt, ...)
{
  char draft[DRAFT_MAX];
  va_list args;
  va_start(args, fmt);
  if (vsnprintf(draft, sizeof draft, translated(fmt), args) < 0)
    draft[0] = '\0';
  va_end(args);

  char reason[160] = "";
  if (sys != 0 && code != SP_E_INTERRUPTED) { /* there sys is a signal */
    char text[128];
    snprintf(reason, sizeof reason, ": %s", strerror_r(sys, text, sizeof text));
  }
  join(err->msg, draft, reason);
  err->code = sys == ENOMEM && code != SP_E_INTERRUPTED ? SP_E_NOMEM : code;
  err->sys = sys;
  err->http_status = 0;
  err->retry_after_ms = -1;
  err->file = file;
  err->line = line;
  return -1;
}

int sp_err_context(struct sp_err *err, const char *fmt, ...)
{
  char draft[2 * SP_ERR_MSG_MAX];
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(draft, SP_ERR_MSG_MAX, translated(fmt), args);
  va_end(args);
  if (n < 0)
    return -1;
  size_t len = strlen(draft);
  snprintf(draft + len, sizeof draft - len, ": %s", err->msg);
  join(err->msg, draft, "");
  return -1;
}

void sp_err_copy(struct sp_err *dst, const struct sp_err *src)
{
  if (dst != src)
    *dst = *src;
}

void sp_err_clear(struct sp_err *err)
{
  *err = SP_ERR_INIT;
}

int sp_code_exit_status(enum sp_code code)
{
  return facts_of(code)->exit_status;
}

bool sp_code_is_retryable(enum sp_code code)
{
  return facts_of(code)->retryable;
}

const char *sp_code_name(enum sp_code code)
{
  return facts_of(code)->name;
}

const char *sp_code_meaning(enum sp_code code)
{
  return facts_of(code)->meaning;
}

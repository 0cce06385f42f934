/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one sink for the process, set by the CLI; the library writes to it and never prints.
 *
 * Lines are for operators (--verbose, --debug). Everything that passes is redacted: registered
 * secret values, and by pattern Authorization:, Bearer, Basic, X-Amz-*=, token=, sig=, password=,
 * secret=, _state= (log.c has the table). Text from
 * outside is escaped by the sink (base/text.h). Threads: any.
 */
#ifndef SP_BASE_LOG_H
#define SP_BASE_LOG_H

#include <stdbool.h>

#include "base/span.h"

enum sp_log_level { SP_LOG_WARN, SP_LOG_INFO, SP_LOG_DEBUG };

/* Called with one redacted line without newline; may be called from any thread, one at a time.
 * Must not log itself. */
typedef void sp_log_sink(void *ctx, enum sp_log_level level, const char *line);

/* Sets the sink and the highest level that reaches it. NULL sink = silence (the default). Call
 * before threads start. */
void sp_log_set_sink(sp_log_sink *sink, void *ctx, enum sp_log_level max_level);
bool sp_log_is_on(enum sp_log_level level);
void sp_log(enum sp_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Registers a value that must never appear in a line nor in an error message (copied; at least 4
 * bytes, else ignored). At most 64 values are kept: the first 16 for good, after that the
 * newest 48. The base64 form of `user:secret` is registered by sp_secret users themselves. */
void sp_log_add_secret(struct sp_span secret);
/* Replaces registered secrets and secret-looking patterns in text by "***", in place (a value of
 * one or two bytes by as many stars: the text never grows). Used for error messages made of what a
 * server sent. */
void sp_log_redact(char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A wish to stop, seen by every wait of the process.
 *
 * Signal handlers call sp_cancel_request (async-signal-safe); loops and waits look at it.
 * Requesting twice changes nothing. Life cycle: sp_cancel_new, sp_cancel_free after all threads
 * that look at it have ended.
 */
#ifndef SP_BASE_CANCEL_H
#define SP_BASE_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "safeport/err.h"

struct sp_cancel;

SP_MUST_CHECK int sp_cancel_new(struct sp_cancel **out, struct sp_err *err);
void sp_cancel_free(struct sp_cancel *cancel);
/* Asks all work to stop. `signal` is SIGINT or SIGTERM (it decides the exit status).
 * Async-signal-safe. */
void sp_cancel_request(struct sp_cancel *cancel, int signal);
/* NULL is a cancel that never comes, here and below. */
bool sp_cancel_is_requested(const struct sp_cancel *cancel);
/* The signal asked with, or 0. */
int sp_cancel_signal(const struct sp_cancel *cancel);
/* Raises SP_E_INTERRUPTED if stopping was asked for; else 0. */
SP_MUST_CHECK int sp_cancel_check(const struct sp_cancel *cancel, struct sp_err *err);
/* Sleeps for ms (>= 0) or until asked to stop, which is SP_E_INTERRUPTED. */
SP_MUST_CHECK int sp_cancel_sleep(const struct sp_cancel *cancel, int64_t ms, struct sp_err *err);
/* A descriptor that becomes readable when stopping was asked for (for poll); -1 for NULL. */
int sp_cancel_fd(const struct sp_cancel *cancel);

#endif

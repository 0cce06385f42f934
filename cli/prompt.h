/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the person at the terminal, and reading a secret that is piped in.
 *
 * A secret is not echoed. A signal while we ask puts the terminal right before it has its effect;
 * who stops the program with ^Z and goes on is asked again.
 *
 * Threads: none of its own; used before there are others.
 */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"

/* Is there a person to ask (stdin is a terminal)? */
bool prompt_is_possible(void);
/* Asks on stderr, reads one line of stdin without its end. Fails: SP_E_USAGE (nothing was entered,
 * or too much); SP_E_IO. */
SP_MUST_CHECK int prompt_line(const char *question, char *out, size_t out_size, struct sp_err *err);
/* The same without echo. */
SP_MUST_CHECK int prompt_secret(const char *question, struct sp_secret *out, struct sp_err *err);
/* All of stdin, without one line break at its end. Fails: SP_E_USAGE (empty, more than 16 KiB, or a
 * zero byte in it); SP_E_IO. */
SP_MUST_CHECK int prompt_read_secret(struct sp_secret *out, struct sp_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The document of `inspect` (safeport/inspect.h) as text for people, on stdout. Threads: none. */
#ifndef CLI_INSPECT_TEXT_H
#define CLI_INSPECT_TEXT_H

#include <jansson.h>

void inspect_text_print(const json_t *doc);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for secrets: pages of their own, left out of core dumps and kept from swap where the
 * kernel allows it, wiped on release. The type that people use is base/secret.h; the log keeps its
 * list of values here too. */
#ifndef SP_BASE_GUARDED_H
#define SP_BASE_GUARDED_H

#include <stddef.h>

/* len (> 0) zeroed bytes, or NULL (errno says why). */
char *sp_guarded_new(size_t len);
/* Wipes and gives back; len as given to sp_guarded_new. NULL is nothing. */
void sp_guarded_free(char *bytes, size_t len);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several backups is read first: one that is not known to be damaged, most recently
 * proven, nearest. Only a preference: what turns out to be missing or wrong there is taken from the
 * next (store/any.h). Pure. */
#ifndef SP_RESTORE_ORDER_H
#define SP_RESTORE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sp_copy_facts {
  size_t number;    /* whose facts these are: in the order of the file, from 0 */
  size_t damaged;   /* wanted images that are known to be damaged there */
  int64_t proven_s; /* when the wanted image was last proven there whose proof is oldest; 0 = never
                       for one of them */
  bool is_local;
};

/* Sorts, best first. */
void sp_copies_order(struct sp_copy_facts *copies, size_t count);

#endif

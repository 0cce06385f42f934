/* SPDX-License-Identifier: Apache-2.0 */
#include "restore/order.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
  const struct sp_copy_facts *x = a;
  const struct sp_copy_facts *y = b;
  if (x->damaged != y->damaged)
    return x->damaged < y->damaged ? -1 : 1;
  if (x->proven_s != y->proven_s)
    return x->proven_s > y->proven_s ? -1 : 1;
  if (x->is_local != y->is_local)
    return x->is_local ? -1 : 1;
  return x->number < y->number ? -1 : 1;
}

void sp_copies_order(struct sp_copy_facts *copies, size_t count)
{
  qsort(copies, count, sizeof *copies, compare);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The wrapper that makes the nth operation fail, before or after it was done: the instrument of the
 * fault tests. */
#ifndef SP_STORE_FAULT_H
#define SP_STORE_FAULT_H

#include "store/store.h"

struct sp_fault_plan {
  const char *operation; /* slot name it applies to (outlives the store); NULL = all. Reader and
                            writer calls: "read", "write", "finish" */
  unsigned nth;          /* 1-based: which matching call; 0 = none */
  unsigned times;        /* how many calls from the nth on fail; 0 = all of them */
  bool after;            /* it was done, but the answer is lost */
  enum sp_code code;
};
/* Wraps (takes) inner; on failure inner stays the caller's. The plan is copied. */
SP_MUST_CHECK int sp_fault_wrap_take(struct sp_store *inner, const struct sp_fault_plan *plan,
                                     struct sp_store **out, struct sp_err *err);
/* Matching calls so far: a test loops nth = 1, 2, ... until it is larger than this. */
unsigned sp_fault_calls(const struct sp_store *fault);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "store/readonly.h"

#include "store/wrapper.h"

static int readonly_around(struct sp_wrapper *wrapper, struct sp_call *call, struct sp_err *err)
{
  (void)wrapper;
  if (call->writes)
    return sp_fail(err, SP_E_UNSUPPORTED, "it was opened for reading only");
  return sp_call_run(call, err);
}

static void readonly_free(struct sp_wrapper *wrapper)
{
  free(wrapper);
}

static const struct sp_wrapper_ops readonly_ops = {.around = readonly_around,
                                                   .free = readonly_free};

int sp_readonly_wrap_take(struct sp_store *inner, struct sp_store **out, struct sp_err *err)
{
  struct sp_wrapper *wrapper = calloc(1, sizeof *wrapper);
  if (!wrapper)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  sp_wrapper_init(wrapper, &readonly_ops, inner);
  *out = &wrapper->store;
  return 0;
}
